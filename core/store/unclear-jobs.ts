import { fromStates } from "#core/lib/lifecycle";
import { NOW } from "./sql.ts";

/**
 * Somebody has looked and says what became of a parked job: `result` (JSON) if X did it; null if not, and then it is queued
 * anew, at the end of its lane's line. Returns its id, or nothing.
 */
export const resolve = (
  db: D1Database,
  now: number | null,
  job: { client_id: string; id: string; result: string | null },
  expiresAfterMs: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET state = iif(?4 IS NULL, 'queued', 'succeeded'), open = iif(?4 IS NULL, 1, NULL), result = ?4, error = NULL,
                       finished_at = iif(?4 IS NULL, NULL, ${NOW}), due_at = iif(?4 IS NULL, ${NOW}, due_at),
                       next_attempt_at = NULL, attempts = iif(?4 IS NULL, 0, attempts), crashes = 0, maybe_sent = 0, looks = 0,
                       losses = 0, cancel_requested = 0, sequence = sequence + 1,
                       expires_at = iif(?4 IS NULL AND expires_at <= ${NOW}, ${NOW} + ?5, expires_at)
        WHERE client_id = ?2 AND id = ?3 AND state IN (${fromStates("resolve")}) AND open IS NULL RETURNING id`,
    )
    .bind(now, job.client_id, job.id, job.result, expiresAfterMs);

/** Which of these tweets are the results of an account's jobs. Reads the client's jobs: asked only when a tweet was found. */
export const taken = (
  db: D1Database,
  job: { client_id: string; account_id: string; id: string },
  tweetIds: readonly string[],
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT result ->> 'tweet_id' AS id FROM jobs
        WHERE client_id = ?1 AND account_id = ?2 AND id <> ?3 AND result IS NOT NULL
          AND result ->> 'tweet_id' IN (SELECT value FROM json_each(?4))`,
    )
    .bind(job.client_id, job.account_id, job.id, JSON.stringify(tweetIds));
