import { idFloor } from "#core/lib/ids";
import * as clients from "#core/store/clients";
import type { ClientRow } from "#core/store/clients";
import * as idempotencyKeys from "#core/store/idempotency-keys";
import type { IdempotencyRow } from "#core/store/idempotency-keys";
import * as jobs from "#core/store/jobs";
import * as oauthStates from "#core/store/oauth-states";
import { shard, shards, type Databases } from "#core/store/shard";
import { all, first } from "#core/store/sql";
import type { Engine } from "./engine.ts";
import { KEPT_FOR_MS } from "./limits.ts";

const A_TIME = 500;
const CLIENTS_A_PAGE = 100;

/**
 * Delete jobs that ended more than 30 days ago, the idempotency keys whose jobs are gone, and connects that nobody came
 * back from. Bounded: what is left over is taken by the next run. Unknown jobs are never deleted.
 */
export async function prune(engine: Engine): Promise<void> {
  const now = engine.clock.now();
  const before = now - KEPT_FOR_MS;
  for (const home of shards(engine.databases)) {
    const db = shard(engine.databases, home);
    if (db === null) continue;
    await oauthStates.prune(db, now).run();
    for await (const client of clientsOf(db)) {
      for (const name of shards(engine.databases)) {
        const other = shard(engine.databases, name);
        if (other) await jobs.prune(other, client.id, idFloor("job", before), before, A_TIME).run();
      }
      await pruneKeys(engine.databases, db, client.id, before);
    }
  }
}

async function* clientsOf(db: D1Database): AsyncGenerator<ClientRow> {
  for (let after = ""; ;) {
    const page = await all<ClientRow>(clients.list(db, after, CLIENTS_A_PAGE));
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < CLIENTS_A_PAGE) return;
    after = last.id;
  }
}

/** A key lives as long as its job: on another database perhaps, so the two are compared here. */
async function pruneKeys(
  databases: Databases,
  home: D1Database,
  clientId: string,
  before: number,
): Promise<void> {
  const old = await all<IdempotencyRow>(idempotencyKeys.older(home, clientId, before, A_TIME));
  const gone: string[] = [];
  for (const { key, job_id } of old) {
    const db = shard(databases, job_id);
    if (db && (await first(jobs.find(db, clientId, job_id))) === null) gone.push(key);
  }
  if (gone.length > 0) await idempotencyKeys.remove(home, clientId, gone).run();
}
