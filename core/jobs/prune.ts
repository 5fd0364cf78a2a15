import { DAY_MS } from "#core/lib/clock";
import { idFloor } from "#core/lib/ids";
import * as audit from "#core/store/audit";
import * as batchParts from "#core/store/batch-parts";
import * as batches from "#core/store/batches";
import * as clients from "#core/store/clients";
import type { ClientRow } from "#core/store/clients";
import * as events from "#core/store/events";
import * as idempotencyKeys from "#core/store/idempotency-keys";
import type { IdempotencyRow } from "#core/store/idempotency-keys";
import * as jobs from "#core/store/jobs";
import type { JobRow } from "#core/store/jobs";
import * as oauthStates from "#core/store/oauth-states";
import * as tallies from "#core/store/tallies";
import * as usage from "#core/store/usage";
import { shard, shards, type Databases } from "#core/store/shard";
import { all } from "#core/store/sql";
import * as uploads from "#core/store/uploads";
import type { Engine } from "./engine.ts";
import { KEPT_FOR_MS } from "./limits.ts";
import { keyOf, spendKey } from "./tally.ts";

const AUDIT_KEPT_FOR_MS = 365 * DAY_MS;
const USAGE_KEPT_FOR_MS = 400 * DAY_MS;

/** Deleted by one statement: a database does nothing else meanwhile. */
const A_TIME = 1_000;
/** Statements for each hundred clients and database: 40,000 rows of a table each hour, within a Worker's 1,000 queries. */
const ROUNDS = 40;
const CLIENTS_A_PAGE = 100;

/**
 * Delete what is kept no longer: jobs and batches that ended more than 30 days ago with their idempotency keys, events as old, audit
 * entries of more than a year, usage of more than 400 days, and connects that nobody came back from. Bounded: what is left over is taken by the next run.
 * Unknown jobs are never deleted.
 */
export async function prune(engine: Engine): Promise<void> {
  const now = engine.clock.now();
  const bound = shards(engine.databases).flatMap((name) => shard(engine.databases, name) ?? []);
  for (const home of bound) {
    await oauthStates.prune(home, now).run();
    await tallies.forgetDays(home, keyOf("spend", ""), spendKey(now)).run();
    for await (const page of clientsOf(home)) {
      for (const db of bound) await pruneRows(db, page, now);
      await pruneKeys(engine.databases, home, page, now - KEPT_FOR_MS);
    }
  }
}

async function* clientsOf(db: D1Database): AsyncGenerator<string[]> {
  for (let after = ""; ;) {
    const page = await all<ClientRow>(clients.list(db, after, CLIENTS_A_PAGE));
    const last = page.at(-1);
    if (last === undefined) return;
    yield page.map(({ id }) => id);
    after = last.id;
  }
}

async function pruneRows(db: D1Database, clientIds: string[], now: number): Promise<void> {
  const before = now - KEPT_FOR_MS;
  for (let round = 0; round < ROUNDS; round++) {
    const deleted = await db.batch([
      jobs.prune(db, clientIds, idFloor("job", before), before, A_TIME),
      events.prune(db, clientIds, idFloor("evt", before), A_TIME),
      usage.prune(db, clientIds, now - USAGE_KEPT_FOR_MS, A_TIME),
      audit.prune(db, clientIds, idFloor("aud", now - AUDIT_KEPT_FOR_MS), A_TIME),
      batches.prune(db, clientIds, idFloor("bat", before), before, A_TIME),
      batchParts.prune(db, clientIds, idFloor("bat", before), A_TIME),
    ]);
    if (deleted.every(({ meta }) => meta.changes < A_TIME)) return;
  }
}

type Key = Pick<IdempotencyRow, "client_id" | "key" | "job_id">;

/** A key lives as long as its job, batch or medium: on another database perhaps, so the two are compared here. */
async function pruneKeys(
  databases: Databases,
  home: D1Database,
  clientIds: string[],
  before: number,
): Promise<void> {
  let after = { client_id: "", key: "" };
  for (let round = 0; round < ROUNDS; round++) {
    const old = await all<Key>(idempotencyKeys.older(home, clientIds, before, after, A_TIME));
    const last = old.at(-1);
    if (last === undefined) return;
    const gone = await withoutJob(databases, old);
    if (gone.length > 0) await idempotencyKeys.remove(home, gone).run();
    if (old.length < A_TIME) return;
    after = last;
  }
}

/** Those whose job, batch or medium is gone. Of a job whose database is not bound nobody can say it. */
async function withoutJob(databases: Databases, keys: Key[]): Promise<Key[]> {
  const gone: Key[] = [];
  for (const [name, some] of Map.groupBy(keys, ({ job_id }) => job_id.slice(-1))) {
    const db = shard(databases, name);
    if (!db) continue;
    const wanted = some.map(({ client_id, job_id }) => ({ client_id, id: job_id }));
    const there = await db.batch<Pick<JobRow, "client_id" | "id">>([
      jobs.present(db, wanted),
      batches.present(db, wanted),
      uploads.present(db, wanted),
    ]);
    const ids = new Set(there.flatMap(({ results }) => results.map(({ id }) => id)));
    gone.push(...some.filter(({ job_id }) => !ids.has(job_id)));
  }
  return gone;
}
