import type { JobRow } from "./jobs.ts";
import { NOW } from "./sql.ts";

/** What a client hands over. `run_at` null: as soon as its turn comes, by D1's clock. */
export type NewJob = Pick<
  JobRow,
  | "client_id"
  | "id"
  | "kind"
  | "account_id"
  | "lane"
  | "ordered"
  | "max_attempts"
  | "params"
  | "cost_estimated"
  | "created_at"
> & {
  run_at: number | null;
  expires_at: number | null;
  expires_after_ms: number;
  metadata: string | null;
  callback_url?: string | null;
};

/** What stands in the JSON of a new job. */
export const NEW_COLUMNS = [
  "client_id",
  "id",
  "kind",
  "account_id",
  "lane",
  "ordered",
  "run_at",
  "expires_at",
  "expires_after_ms",
  "max_attempts",
  "params",
  "metadata",
  "cost_estimated",
  "callback_url",
  "created_at",
] as const satisfies (keyof NewJob)[];

/**
 * Take jobs over from `rows`, a table of parameter 2, as far as they are joined and their accounts are there: what `jobs.insert`
 * does, and what comes of schedules.
 */
export const insertFrom = (
  db: D1Database,
  now: number | null,
  rows: string,
  join: string,
  json: string,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO jobs (client_id, id, kind, account_id, lane, ordered, state, open, due_at, run_at, expires_at,
                         max_attempts, params, metadata, callback_url, cost_estimated,
                         created_at)
       SELECT j.client_id, j.id, j.kind, a.id, j.lane, j.ordered, 'queued', 1, j.due_at, j.run_at,
              coalesce(j.expires_at, j.due_at + j.expires_after_ms), j.max_attempts, j.params, j.metadata,
              j.callback_url, j.cost_estimated, j.created_at
         FROM (SELECT *, max(coalesce(run_at, 0), ${NOW}) AS due_at FROM ${rows}) AS j ${join}
         JOIN accounts AS a ON a.id = j.account_id AND a.client_id = j.client_id AND a.state <> 'disconnected'
        WHERE true
           ON CONFLICT (client_id, id) DO NOTHING`,
    )
    .bind(now, json);
