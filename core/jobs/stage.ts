import * as lanes from "#core/store/lanes";
import { shard, shards } from "#core/store/shard";
import { all } from "#core/store/sql";
import type { Engine } from "./engine.ts";
import { WAKE_HORIZON_MS } from "./limits.ts";
import { wake, type Wake } from "./wake.ts";

const ROUND = 1000;
/** A tick ends after this many rounds a database; the next tick goes on. */
const ROUNDS = 20;
const SEND_LIMIT_MS = 20_000;

/**
 * The clock: wake every lane that has something to do within the horizon and nobody to do it. This is what makes a lost
 * message, a dead Worker or a job months ahead no special case. No lane is woken twice in one tick.
 * Returns how many were woken.
 */
export async function stage(engine: Engine): Promise<number> {
  let woken = 0;
  for (const name of shards(engine.databases)) {
    const db = shard(engine.databases, name);
    if (db) woken += await stageDatabase(engine, db);
  }
  engine.log("lanes.staged", { lanes: woken });
  return woken;
}

async function stageDatabase(engine: Engine, db: D1Database): Promise<number> {
  let after = { next_at: -1, lane: "" };
  let woken = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const found = await all<Wake & { next_at: number }>(
      lanes.due(db, engine.clock.stored(), WAKE_HORIZON_MS, after, ROUND),
    );
    await wake(engine, found, SEND_LIMIT_MS);
    woken += found.length;
    const last = found.at(-1);
    if (last === undefined || found.length < ROUND) break;
    after = { next_at: last.next_at, lane: last.lane };
  }
  return woken;
}
