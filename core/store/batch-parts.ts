import { BATCH_BODY } from "#core/lib/ids";
import type { BatchRef } from "./batches.ts";
import { NOW, rowsIn } from "./sql.ts";

/** A row of `batch_parts`: the jobs of a batch on one database. `counts` is JSON text, as `count` of batch-jobs.ts gives it. */
export type BatchPartRow = {
  client_id: string;
  id: string;
  taken_at: number;
  /** The last of its jobs, by id, that is open; null: all have ended, and `counts` says how. */
  last_open: string | null;
  counts: string | null;
  told: 0 | 1;
};

/** The id that the jobs of a batch lie above, and the one they lie below. */
const from = (batchId: string): string => `('job_' || substr(${batchId}, 5, ${BATCH_BODY}))`;
const to = (batchId: string): string => `('job_' || substr(${batchId}, 5, ${BATCH_BODY}) || '~')`;

/** The jobs of the batch `b` up to `last`, an open one among them found from the end. */
const lastOpen = (last: string): string => `(
  SELECT j.id FROM jobs AS j WHERE j.client_id = b.client_id AND j.id >= ${from("b.id")} AND j.id <= ${last} AND j.open = 1
   ORDER BY j.id DESC LIMIT 1)`;

const COUNTS = `(
  SELECT json_group_array(json_object('state', state, 'later', 0, 'count', count, 'first_due_at', first, 'last_due_at', last,
                                      'estimated', estimated, 'actual', actual))
    FROM (SELECT j.state, count(*) AS count, min(j.due_at) AS first, max(j.due_at) AS last,
                 sum(j.cost_estimated) AS estimated, sum(j.cost_actual) AS actual FROM jobs AS j
           WHERE j.client_id = m.client_id AND j.id >= ${from("m.id")} AND j.id < ${to("m.id")} GROUP BY j.state))`;

/**
 * Begin the part of a batch on one database: its jobs are written behind it, and are due from now on. Only if the batch is there,
 * when it shares the database (`home`); and only while all of these accounts can be used. Repeatable.
 */
export const open = (
  db: D1Database,
  now: number | null,
  { client_id, id }: BatchRef,
  only: { home: boolean; accounts: readonly string[] },
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO batch_parts (client_id, id, taken_at)
       SELECT ?2, ?3, ${NOW}
        WHERE (NOT ?4 OR EXISTS (SELECT 1 FROM batches WHERE client_id = ?2 AND id = ?3))
          AND (SELECT count(*) FROM accounts WHERE client_id = ?2 AND state <> 'disconnected'
                  AND id IN (SELECT value FROM json_each(?5))) = json_array_length(?5)
           ON CONFLICT (client_id, id) DO NOTHING`,
    )
    .bind(now, client_id, id, only.home ? 1 : 0, JSON.stringify(only.accounts));

const REF = ["client_id", "id"] as const;

/**
 * See whether these batches have ended here, after a commit that may have ended jobs of theirs. Each knows its last open job: while
 * that one is open, one look says so. When it ends, the next one is looked for below it, for there is none above. So all the
 * looks of a batch's life read each of its jobs once, in whatever order they end.
 */
export const advance = (db: D1Database, refs: BatchRef[]): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE batch_parts SET last_open = m.next, counts = iif(m.next IS NULL, ${COUNTS}, NULL)
         FROM (SELECT b.client_id, b.id, ${lastOpen("b.last_open")} AS next
                 FROM ${rowsIn("?1", REF, refs.length)} AS r
                 JOIN batch_parts AS b ON b.client_id = r.client_id AND b.id = r.id
                WHERE b.last_open IS NOT NULL
                  AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.client_id = b.client_id AND jobs.id = b.last_open AND jobs.open = 1)
              ) AS m
        WHERE batch_parts.client_id = m.client_id AND batch_parts.id = m.id`,
    )
    .bind(JSON.stringify(refs.map(({ client_id, id }) => ({ client_id, id }))));

/** Find anew which jobs of a batch are open here: after they were written, or given a new life, or resolved. */
export const recount = (db: D1Database, { client_id, id }: BatchRef): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE batch_parts SET last_open = m.next, counts = iif(m.next IS NULL, ${COUNTS}, NULL), told = iif(m.next IS NULL, told, 0)
         FROM (SELECT b.client_id, b.id, ${lastOpen(to("b.id"))} AS next FROM batch_parts AS b
                WHERE b.client_id = ?1 AND b.id = ?2) AS m
        WHERE batch_parts.client_id = m.client_id AND batch_parts.id = m.id`,
    )
    .bind(client_id, id);

/** What is known of a batch here. */
export const find = (db: D1Database, { client_id, id }: BatchRef): D1PreparedStatement =>
  db.prepare("SELECT * FROM batch_parts WHERE client_id = ? AND id = ?").bind(client_id, id);

/** Parts that ended and that nobody told of: behind a batch, in the order of their keys. */
export const untold = (db: D1Database, after: BatchRef, limit: number): D1PreparedStatement =>
  db
    .prepare(
      `SELECT b.client_id, b.id FROM batch_parts AS b
        WHERE b.told = 0 AND (b.client_id, b.id) > (?1, ?2)
          AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.client_id = b.client_id AND jobs.id = b.last_open AND jobs.open = 1)
        ORDER BY b.client_id, b.id LIMIT ?3`,
    )
    .bind(after.client_id, after.id, limit);

/** Note that a batch was told of the end of its part here. Comes after that, and only then. */
export const tell = (db: D1Database, { client_id, id }: BatchRef): D1PreparedStatement =>
  db
    .prepare(
      "UPDATE batch_parts SET told = 1 WHERE client_id = ? AND id = ? AND told = 0 AND last_open IS NULL",
    )
    .bind(client_id, id);

/** Delete a bounded number of these clients' parts that ended, of batches made long ago. */
export const prune = (
  db: D1Database,
  clientIds: string[],
  madeBefore: string,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM batch_parts WHERE (client_id, id) IN (
         SELECT b.client_id, b.id FROM json_each(?1) AS c
           JOIN batch_parts AS b ON b.client_id = c.value AND b.id < ?2 AND b.told = 1
          WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.client_id = b.client_id
                               AND jobs.id >= ${from("b.id")} AND jobs.id < ${to("b.id")})
          LIMIT ?3)`,
    )
    .bind(JSON.stringify(clientIds), madeBefore, limit);
