import { fromStates } from "#core/lib/lifecycle";
import { NOW, rowsIn } from "./sql.ts";

/** A refresh that is needed: of the token pair of that version, and as the job of that id. */
export type RefreshAsk = {
  client_id: string;
  account_id: string;
  token_version: number;
  job_id: string;
  kind: string;
  lane: string;
  /** The gates of the lane, as `gatesOf` names them. */
  gates: string;
  max_attempts: number;
  expires_after_ms: number;
};

const COLUMNS = [
  "client_id",
  "account_id",
  "token_version",
  "job_id",
  "kind",
  "lane",
  "max_attempts",
  "expires_after_ms",
] as const satisfies (keyof RefreshAsk)[];

/** One that ended without a new token is taken up again, at most this often. */
const AGAIN_AFTER_MS = 60_000;

/**
 * Ask for refreshes: one job a version, however many ask. A version that has moved needs none. One that came to nothing
 * while its version has not moved and its grant is not dead is queued again, at most once a minute.
 */
export const ask = (db: D1Database, now: number | null, asks: RefreshAsk[]): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO jobs (client_id, id, kind, account_id, lane, ordered, state, open, due_at, expires_at, max_attempts, params,
                         created_at)
       SELECT a.client_id, r.job_id, r.kind, a.id, r.lane, 1, 'queued', 1, ${NOW}, ${NOW} + r.expires_after_ms, r.max_attempts,
              json_object('account_id', a.id, 'version', r.token_version), ${NOW}
         FROM ${rowsIn("?2", COLUMNS, asks.length)} AS r
         JOIN accounts AS a ON a.id = r.account_id AND a.client_id = r.client_id
                           AND a.token_version = r.token_version AND a.state = 'connected'
        WHERE true
           ON CONFLICT (client_id, id) DO UPDATE
          SET state = 'queued', open = 1, due_at = excluded.due_at, expires_at = excluded.expires_at, attempts = 0, crashes = 0,
              finished_at = NULL, next_attempt_at = NULL, cancel_requested = 0, sequence = jobs.sequence + 1
        WHERE jobs.state IN (${fromStates("renew")}) AND jobs.finished_at <= ${NOW} - ${AGAIN_AFTER_MS}`,
    )
    .bind(now, JSON.stringify(asks.map(({ gates: _, ...row }) => row)));
