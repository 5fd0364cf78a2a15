import { shardOf } from "#core/lib/ids";
import * as batchParts from "#core/store/batch-parts";
import type { BatchPartRow } from "#core/store/batch-parts";
import * as batches from "#core/store/batches";
import type { BatchRef } from "#core/store/batches";
import * as deliveries from "#core/store/deliveries";
import type { DueLane } from "#core/store/deliveries";
import { shard, shards } from "#core/store/shard";
import { all, first } from "#core/store/sql";
import type { Engine } from "./engine.ts";
import { tell } from "./tell.ts";

/** A batch of which a job may have ended, on the database `shard`. */
export type BatchTouch = BatchRef & { shard: string };

/** The batch of a job, to be looked at in the commit that writes the job. */
export const touchOf = (job: { client_id: string; id: string; batch_id: string | null }): BatchTouch[] =>
  job.batch_id === null ? [] : [{ client_id: job.client_id, id: job.batch_id, shard: shardOf(job.id) }];

/**
 * The end of batches: statements for a commit, behind those that ended jobs. Free for jobs without a batch; for the others two or
 * three rows read a commit and batch, and none written before the end. Parked jobs count as ended.
 *
 * A batch ends once, whoever ends its last jobs: its `finish` changes one row, in one transaction, and none when the commit is
 * sent again. So an event of it rides directly behind `finish`, where `changes()` says whether it happened. A batch whose own
 * database is another is told of the end of its part by `finishBatches`.
 */
export function batchEnds(db: D1Database, now: number | null, touches: BatchTouch[]): D1PreparedStatement[] {
  const refs = [...new Map(touches.map((touch) => [touch.id, touch])).values()];
  if (refs.length === 0) return [];
  return [
    batchParts.advance(db, refs),
    ...refs
      .filter((ref) => shardOf(ref.id) === ref.shard)
      .flatMap((ref) => [
        batches.finish(db, now, ref, { shard: ref.shard, ended: null }),
        batchParts.tell(db, ref),
      ]),
  ];
}

/**
 * What is known of batches is found anew after jobs of theirs were given a new life, or resolved: they may go on, or have ended
 * otherwise. Comes behind that, outside of its transaction: one that is lost leaves a batch that says it has ended before the last of
 * its jobs has.
 */
export async function batchesMoved(
  { databases }: Pick<Engine, "databases">,
  touches: BatchTouch[],
): Promise<void> {
  for (const ref of new Map(touches.map((touch) => [touch.id, touch])).values()) {
    const [db, home] = [shard(databases, ref.shard), shard(databases, ref.id)];
    if (!db || !home) continue;
    const [, found] = await db.batch<BatchPartRow>([batchParts.recount(db, ref), batchParts.find(db, ref)]);
    if (found?.results[0]?.last_open != null) await batches.reopen(home, ref, ref.shard).run();
  }
}

const ROUND = 500;
/** A tick ends after this many rounds a database; the next tick goes on. */
const ROUNDS = 20;

/**
 * What no commit told: parts whose batch is on another database, or whose last job was ended by a rescue or with its account.
 * Everything here may be done twice.
 */
export async function finishBatches(engine: Engine): Promise<void> {
  for (const name of shards(engine.databases)) {
    const db = shard(engine.databases, name);
    let after: BatchRef = { client_id: "", id: "" };
    for (let round = 0; db && round < ROUNDS; round++) {
      const found = await all<BatchRef>(batchParts.untold(db, after, ROUND));
      const last = found.at(-1);
      if (last === undefined) break;
      const now = engine.clock.stored();
      await db.batch(
        batchEnds(
          db,
          now,
          found.map((ref) => ({ ...ref, shard: name })),
        ),
      );
      for (const ref of found) if (shardOf(ref.id) !== name) await tellHome(engine, db, ref, name);
      await wakeTold(engine, found);
      after = last;
    }
  }
}

/** What is told of these ends is sent at once. */
async function wakeTold(engine: Engine, refs: BatchRef[]): Promise<void> {
  for (const [name, some] of Map.groupBy(refs, ({ id }) => shardOf(id))) {
    const home = shard(engine.databases, name);
    const clients = [...new Set(some.map(({ client_id }) => client_id))];
    if (home) await tell(engine, await all<DueLane>(deliveries.due(home, engine.clock.stored(), clients)));
  }
}

/** The batch first, then the part: what is lost between the two is told again. */
async function tellHome(engine: Engine, db: D1Database, ref: BatchRef, name: string): Promise<void> {
  const home = shard(engine.databases, ref.id);
  const part = await first<BatchPartRow>(batchParts.find(db, ref));
  // It was given a new life just now: it is told of when it has ended again.
  if (!home || part?.last_open !== null) return;
  const { counts } = part;
  await batches.finish(home, engine.clock.stored(), ref, { shard: name, ended: true, counts }).run();
  await batchParts.tell(db, ref).run();
}
