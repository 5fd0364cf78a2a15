import { fromStates } from "#core/lib/lifecycle";
import type { JobRow } from "./jobs.ts";
import { HOLDS, logged, NOW, rowsIn } from "./sql.ts";

/**
 * What somebody who has looked says of a parked job, as the job stands then: ended, or to be queued anew. `checkpoint` and
 * `result` are JSON; `sequence` is of the job that was read, for what it made of it holds for that one alone.
 */
export type Resolution = Pick<JobRow, "client_id" | "id" | "sequence" | "checkpoint" | "result"> & {
  ends: boolean;
  /** What X has billed for what was found. */
  cost: number;
};

/** A parked job ends, or is queued anew, at the end of its lane's line, or in its old place if it holds it. Returns its id, or nothing. */
export const resolve = (
  db: D1Database,
  now: number | null,
  job: Resolution,
  expiresAfterMs: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET state = iif(?5, 'succeeded', 'queued'), open = iif(?5, NULL, 1), result = ?4, checkpoint = ?8, error = NULL,
                       finished_at = iif(?5, ${NOW}, NULL), due_at = iif(?5 OR ${HOLDS}, due_at, ${NOW}),
                       next_attempt_at = NULL, attempts = iif(?5, attempts, 0), crashes = 0, maybe_sent = 0, looks = 0,
                       losses = 0, cancel_requested = 0, cost_actual = cost_actual + ?9,
                       sequence = sequence + 1, log = ${logged("resolved")},
                       expires_at = iif(NOT ?5 AND expires_at <= ${NOW}, ${NOW} + ?6, expires_at)
        WHERE client_id = ?2 AND id = ?3 AND state IN (${fromStates("resolve")}) AND open IS NULL AND sequence = ?7
       RETURNING id`,
    )
    .bind(
      now,
      job.client_id,
      job.id,
      job.result,
      job.ends ? 1 : 0,
      expiresAfterMs,
      job.sequence,
      job.checkpoint,
      job.cost,
    );

/**
 * Which of these tweets stand in the results of an account's other jobs, those of threads under way too. Reads the client's
 * jobs: asked only when a tweet was found.
 */
export const taken = (
  db: D1Database,
  job: { client_id: string; account_id: string; id: string },
  tweetIds: readonly string[],
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT DISTINCT w.tweet_id AS id
         FROM jobs JOIN ${rowsIn("?4", ["tweet_id"], tweetIds.length)} AS w ON instr(jobs.result, '"' || w.tweet_id || '"') > 0
        WHERE client_id = ?1 AND account_id = ?2 AND id <> ?3 AND result IS NOT NULL`,
    )
    .bind(job.client_id, job.account_id, job.id, JSON.stringify(tweetIds.map((tweet_id) => ({ tweet_id }))));
