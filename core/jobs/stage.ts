import * as lanes from "#core/store/lanes";
import { shard, shards } from "#core/store/shard";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import * as refreshes from "#core/store/refreshes";
import { all } from "#core/store/sql";
import { finishBatches } from "./batch-ends.ts";
import { asScheduled } from "./commit.ts";
import type { Engine } from "./engine.ts";
import { WAKE_HORIZON_MS } from "./limits.ts";
import { fireSchedules } from "./fire.ts";
import { refreshOf } from "./refreshes.ts";
import { wake, type Wake } from "./wake.ts";

const ROUND = 1000;
/** A tick ends after this many rounds a database; the next tick goes on. */
const ROUNDS = 20;
const SEND_LIMIT_MS = 20_000;

/**
 * The clock: wake every lane that has something to do within the horizon and nobody to do it. This is what makes a lost
 * message, a dead Worker or a job months ahead no special case. No lane is woken twice in one tick.
 * `horizonMs` reaches a little beyond the next tick: what lies farther is the next tick's, and waking it now as well would
 * only double its message. Returns how many were woken.
 */
export async function stage(engine: Engine, horizonMs: number = WAKE_HORIZON_MS): Promise<number> {
  let woken = 0;
  for (const name of shards(engine.databases)) {
    const db = shard(engine.databases, name);
    if (db === null) continue;
    // First, so that their lanes are among those that are woken.
    await askForRefreshes(engine, db);
    await fireSchedules(engine, db, horizonMs);
    woken += await stageLanes(engine, db, horizonMs);
  }
  engine.log("lanes.staged", { lanes: woken });
  await finishBatches(engine);
  return woken;
}

type ToRefresh = Pick<AccountRow, "id" | "client_id" | "token_version" | "token_issued_at"> & {
  refresh_at: number;
};

/** Ask for the refresh of every token whose time has come. Asking again changes nothing. */
async function askForRefreshes(engine: Engine, db: D1Database): Promise<void> {
  let after = { refresh_at: -1, id: "" };
  for (let round = 0; round < ROUNDS; round++) {
    const now = engine.clock.stored();
    const found = await all<ToRefresh>(accounts.toRefresh(db, now, after, ROUND));
    const last = found.at(-1);
    if (last === undefined) break;
    const asks = await Promise.all(found.map(refreshOf));
    await db.batch([refreshes.ask(db, now, asks), lanes.schedule(db, now, asks.map(asScheduled))]);
    if (found.length < ROUND) break;
    after = { refresh_at: last.refresh_at, id: last.id };
  }
}

async function stageLanes(engine: Engine, db: D1Database, horizonMs: number): Promise<number> {
  let after = { next_at: -1, lane: "" };
  let woken = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const found = await all<Wake & { next_at: number }>(
      lanes.due(db, engine.clock.stored(), horizonMs, after, ROUND),
    );
    await wake(engine, found, SEND_LIMIT_MS);
    woken += found.length;
    const last = found.at(-1);
    if (last === undefined || found.length < ROUND) break;
    after = { next_at: last.next_at, lane: last.lane };
  }
  return woken;
}
