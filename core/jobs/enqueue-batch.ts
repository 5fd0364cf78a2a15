import { batchJobId, shardOf } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as batchJobs from "#core/store/batch-jobs";
import * as batchParts from "#core/store/batch-parts";
import * as batches from "#core/store/batches";
import type { BatchRow, NewBatch } from "#core/store/batches";
import * as idempotencyKeys from "#core/store/idempotency-keys";
import type { IdempotencyRow } from "#core/store/idempotency-keys";
import * as lanes from "#core/store/lanes";
import { shard, type Databases } from "#core/store/shard";
import { gatesOf, type Warning } from "./define.ts";
import { needsOf, type Needing } from "./needs.ts";
import { rowOf, wakeFor, type Order, type ScheduledLane } from "./enqueue.ts";
import type { Wake } from "./wake.ts";

/** One good item of a batch: its place in the request, and what was noticed of it. */
export type BatchItem = { index: number; order: Order; warnings: Warning[] };

/** A batch as it is to be written; `key` is the record of its Idempotency-Key, if it came with one. */
export type BatchOrder = Omit<NewBatch, "account_ids" | "shards" | "accepted"> & {
  key: IdempotencyRow | null;
  items: BatchItem[];
};

/** The row of the batch, or null: the key is another batch's, or an account went. And the record that the key stands for. */
export type EnqueuedBatch = { batch: BatchRow | null; key: IdempotencyRow | null; wakes: Wake[] };

/** What one database is given: rows as JSON, and of each lane its earliest job. */
type Share = {
  account_ids: string[];
  rows: string[];
  lanes: Earliest[];
  needing: Needing[];
};
type Earliest = { lane: string; id: string; gates: string; run_at: number };

/** A parameter is at most so long; D1 takes twice as much. */
const PARAMETER_BYTES = 1_000_000;

/**
 * Write a batch: on each database one transaction, the client's own first with the key and the batch at its head. On one
 * database there is never half a batch; over several, what a failure left out is written when the same is sent again.
 */
export async function enqueueBatch(
  databases: Databases,
  order: BatchOrder,
  now: number | null,
  again = false,
): Promise<EnqueuedBatch> {
  const shares = sharesOf(order);
  const homeName = shardOf(order.client_id);
  const home = databaseOf(databases, homeName);
  const elsewhere = [...shares].filter(([name]) => name !== homeName);
  const { key, row, wakes } = await writeHome(home, order, shares, now, elsewhere.length === 0);
  if (!row) return { batch: null, key, wakes: [] };
  const only = shares.size === 1;
  for (const [name, share] of elsewhere) {
    const db = databaseOf(databases, name);
    // Beside other databases the rest of a batch is taken all the same.
    const needed = { home: false, accounts: only ? share.account_ids : [] };
    const results = await db.batch(await statementsFor(db, order, share, now, needed));
    wakes.push(...scheduled(results));
    if (only && results.at(-1)?.meta.changes === 0) {
      await batches.remove(home, order).run();
      return { batch: null, key: null, wakes: [] };
    }
  }
  if (elsewhere.length > 0 && row.taken_at === null) await batches.taken(home, now, order).run();
  // The first sending may have moved the lanes, and its answer was lost.
  const moved = again
    ? [...shares.values()].flatMap((share) => share.lanes.map((lane) => dueIn(lane, order)))
    : wakes;
  return { batch: row, key, wakes: moved.flatMap((lane) => wakeFor(lane) ?? []) };
}

async function writeHome(
  home: D1Database,
  order: BatchOrder,
  shares: Map<string, Share>,
  now: number | null,
  alone: boolean,
): Promise<{ key: IdempotencyRow | null; row: BatchRow | null; wakes: ScheduledLane[] }> {
  const share = shares.get(shardOf(order.client_id));
  const row: NewBatch = {
    client_id: order.client_id,
    id: order.id,
    account_ids: JSON.stringify([...shares.values()].flatMap(({ account_ids }) => account_ids)),
    accepted: order.items.length,
    rejected: order.rejected,
    rejections: order.rejections,
    warnings: order.warnings,
    shards: [...shares.keys()].join(""),
    created_at: order.created_at,
  };
  const { key } = order;
  const by = { key: key?.key ?? null, here: share?.account_ids ?? [] };
  const results = await home.batch([
    ...(key ? [idempotencyKeys.claim(home, key)] : []),
    batches.insert(home, row, by),
    ...(share ? await statementsFor(home, order, share, now, { home: true, accounts: [] }) : []),
    ...(alone ? [batches.taken(home, now, order)] : []),
    ...(key ? [idempotencyKeys.find(home, order.client_id, key.key)] : []),
    batches.find(home, order.client_id, order.id),
  ]);
  const found = results.at(-1)?.results as BatchRow[] | undefined;
  const record = key ? (results.at(-2)?.results as IdempotencyRow[] | undefined) : undefined;
  return { key: record?.[0] ?? null, row: found?.[0] ?? null, wakes: scheduled(results) };
}

async function statementsFor(
  db: D1Database,
  order: BatchOrder,
  share: Share,
  now: number | null,
  needed: Parameters<typeof batchParts.open>[3],
): Promise<D1PreparedStatement[]> {
  return [
    batchParts.open(db, now, order, needed),
    ...chunks(share.rows).map((rows) => batchJobs.insert(db, order, order.created_at, rows)),
    ...chunks(share.lanes.map((lane) => entryOf(lane, order))).map((entries) =>
      lanes.scheduleAll(db, now, entries),
    ),
    ...(await needsOf(db, share.needing, { now: order.created_at, stored: now })),
    batchParts.recount(db, order),
  ];
}

/** What each database gets: rows in the order of the items, and of each lane its earliest job. */
function sharesOf(order: BatchOrder): Map<string, Share> {
  const shares = new Map<string, Share>();
  for (const [name, items] of Map.groupBy(order.items, (item) => shardOf(item.order.account_id))) {
    const lanes = new Map<string, Earliest>();
    const needing: Needing[] = [];
    const rows = items.map(({ index, order: one, warnings }) => {
      const { callback_url = null, ...row } = rowOf(one, batchJobId(order.id, index, name));
      needing.push({ ...one, job_id: row.id });
      const run_at = row.run_at ?? 0;
      if (run_at < (lanes.get(row.lane)?.run_at ?? Infinity))
        lanes.set(row.lane, { lane: row.lane, id: row.id, gates: gatesOf(one.kind), run_at });
      return batchJobs.asRow({
        ...row,
        callback_url,
        warnings: warnings.length === 0 ? null : JSON.stringify(warnings),
      });
    });
    const account_ids = [...new Set(items.map((item) => item.order.account_id))];
    shares.set(name, { account_ids, rows, lanes: [...lanes.values()], needing });
  }
  return shares;
}

const entryOf = ({ id, gates }: Earliest, { client_id }: BatchOrder): string =>
  JSON.stringify({ client_id, id, gates });

const dueIn = ({ lane, run_at }: Earliest, { created_at }: BatchOrder): ScheduledLane => ({
  lane,
  wait_ms: Math.max(0, run_at - created_at),
});

/** JSON values as JSON lists of a bounded length. */
function chunks(values: string[]): string[] {
  const lists: string[] = [];
  let list: string[] = [];
  let bytes = 0;
  for (const value of values) {
    // What is not ASCII has at most three bytes.
    const size = /^[\x20-\x7e]*$/.test(value) ? value.length + 1 : value.length * 3 + 1;
    if (bytes + size > PARAMETER_BYTES - 2 && list.length > 0) {
      lists.push(`[${list.join(",")}]`);
      list = [];
      bytes = 0;
    }
    list.push(value);
    bytes += size;
  }
  if (list.length > 0) lists.push(`[${list.join(",")}]`);
  return lists;
}

/** The lanes that moved, as the statements say that move them: they alone name a lane. */
const scheduled = (results: D1Result[]): ScheduledLane[] =>
  results.flatMap(({ results: rows }) => (rows as ScheduledLane[]).filter((row) => "wait_ms" in row));

function databaseOf(databases: Databases, name: string): D1Database {
  const db = shard(databases, name);
  if (!db) throw new Problem("unavailable");
  return db;
}
