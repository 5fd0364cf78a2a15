import { NOW } from "./sql.ts";

/** A row of `batches`, on the client's own database: what was taken in one request. `account_ids`, `rejections`, `warnings` are JSON text. */
export type BatchRow = {
  client_id: string;
  id: string;
  account_ids: string;
  accepted: number;
  rejected: number;
  rejections: string;
  warnings: string;
  /** The databases that have jobs of it, a character each. */
  shards: string;
  /** Those where not all of them have ended. */
  open_shards: string;
  sequence: number;
  created_at: number;
  taken_at: number | null;
  finished_at: number | null;
  /** How the jobs on other databases ended, by database: JSON text. */
  counts_elsewhere: string | null;
};

/** A batch by its key. */
export type BatchRef = Pick<BatchRow, "client_id" | "id">;

export type NewBatch = Omit<
  BatchRow,
  "open_shards" | "sequence" | "taken_at" | "finished_at" | "counts_elsewhere"
>;

/**
 * Add a batch, if the key it came with is its own, and if the accounts that were found good a moment ago still are: `here`
 * are those on this database. Without this row nothing else of the batch is written. Repeatable.
 */
export const insert = (
  db: D1Database,
  batch: NewBatch,
  by: { key: string | null; here: readonly string[] },
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO batches (client_id, id, account_ids, accepted, rejected, rejections, warnings, shards, open_shards, created_at)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9
        WHERE (?10 IS NULL OR EXISTS (SELECT 1 FROM idempotency_keys WHERE client_id = ?1 AND key = ?10 AND job_id = ?2))
          AND (SELECT count(*) FROM accounts WHERE client_id = ?1 AND state <> 'disconnected'
                  AND id IN (SELECT value FROM json_each(?11))) = json_array_length(?11)
           ON CONFLICT (client_id, id) DO NOTHING`,
    )
    .bind(
      batch.client_id,
      batch.id,
      batch.account_ids,
      batch.accepted,
      batch.rejected,
      batch.rejections,
      batch.warnings,
      batch.shards,
      batch.created_at,
      by.key,
      JSON.stringify(by.here),
    );

/** Take a batch back that nothing was written of. */
export const remove = (db: D1Database, { client_id, id }: BatchRef): D1PreparedStatement =>
  db.prepare("DELETE FROM batches WHERE client_id = ? AND id = ? AND taken_at IS NULL").bind(client_id, id);

/** Note that all of a batch is written. */
export const taken = (db: D1Database, now: number | null, { client_id, id }: BatchRef): D1PreparedStatement =>
  db
    .prepare(`UPDATE batches SET taken_at = ${NOW} WHERE client_id = ?2 AND id = ?3 AND taken_at IS NULL`)
    .bind(now, client_id, id);

/** One batch of a client. */
export const find = (db: D1Database, clientId: string, id: string): D1PreparedStatement =>
  db.prepare("SELECT * FROM batches WHERE client_id = ? AND id = ?").bind(clientId, id);

/** Batches of a client, the newest first, below an id; `accounts`: only those with a job of one of these. */
export const list = (
  db: D1Database,
  clientId: string,
  before: string,
  accounts: readonly string[] | null,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT * FROM batches
        WHERE client_id = ?1 AND id < ?2
          AND (?3 IS NULL OR EXISTS (SELECT 1 FROM json_each(account_ids) AS a JOIN json_each(?3) AS r ON r.value = a.value))
        ORDER BY id DESC LIMIT ?4`,
    )
    .bind(clientId, before, accounts === null ? null : JSON.stringify(accounts), limit);

/**
 * Tell a batch that its jobs on one database have ended. The last one to be told of ends the batch; told again, nothing changes.
 * Where batch and part share the database (`ended` null), the part itself says whether that is so; of another, `counts` is how
 * its jobs ended.
 */
export const finish = (
  db: D1Database,
  now: number | null,
  { client_id, id }: BatchRef,
  part: { shard: string; ended: boolean | null; counts?: string | null },
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE batches SET open_shards = replace(open_shards, ?4, ''),
                          finished_at = iif(replace(open_shards, ?4, '') = '', ${NOW}, NULL), sequence = sequence + 1,
                          counts_elsewhere = iif(?6 IS NULL, counts_elsewhere,
                            json_set(coalesce(counts_elsewhere, '{}'), '$."' || ?4 || '"', json(?6)))
        WHERE client_id = ?2 AND id = ?3 AND instr(open_shards, ?4) > 0
          AND coalesce(?5, (SELECT last_open IS NULL FROM batch_parts AS p WHERE p.client_id = ?2 AND p.id = ?3))`,
    )
    .bind(
      now,
      client_id,
      id,
      part.shard,
      part.ended === null ? null : Number(part.ended),
      part.counts ?? null,
    );

/** Jobs of a batch on one database were given a new life: it has not ended any more. */
export const reopen = (db: D1Database, { client_id, id }: BatchRef, shard: string): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE batches SET open_shards = open_shards || ?3, finished_at = NULL, sequence = sequence + 1
        WHERE client_id = ?1 AND id = ?2 AND instr(open_shards, ?3) = 0`,
    )
    .bind(client_id, id, shard);

/** Note a change of a batch's jobs, if it is as it was seen; `seen` null: whatever it is. Returns its id, or nothing. */
export const touch = (
  db: D1Database,
  { client_id, id }: BatchRef,
  seen: number | null,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE batches SET sequence = sequence + 1
        WHERE client_id = ?1 AND id = ?2 AND (?3 IS NULL OR sequence = ?3) RETURNING id`,
    )
    .bind(client_id, id, seen);

/** Delete a bounded number of these clients' batches that ended long ago. */
export const prune = (
  db: D1Database,
  clientIds: string[],
  madeBefore: string,
  endedBefore: number,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM batches WHERE (client_id, id) IN (
         SELECT b.client_id, b.id FROM json_each(?1) AS c
           JOIN batches AS b ON b.client_id = c.value AND b.id < ?2 AND b.finished_at < ?3
          LIMIT ?4)`,
    )
    .bind(JSON.stringify(clientIds), madeBefore, endedBefore, limit);

/** Which of these batches are there. */
export const present = (db: D1Database, wanted: BatchRef[]): D1PreparedStatement =>
  db
    .prepare(
      `SELECT b.client_id, b.id FROM json_each(?) AS w
         JOIN batches AS b ON b.client_id = w.value ->> 'client_id' AND b.id = w.value ->> 'id'`,
    )
    .bind(JSON.stringify(wanted.map(({ client_id, id }) => ({ client_id, id }))));
