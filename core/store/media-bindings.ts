import type { JobRow } from "./jobs.ts";
import { NOW, rowsIn } from "./sql.ts";

/** A row of `media_bindings`: what X calls a medium that an account has sent it, and the job that sends it. */
export type BindingRow = {
  account_id: string;
  media_id: string;
  client_id: string;
  job_id: string;
  x_media_id: string | null;
  x_expires_at: number | null;
};

/** One with where its job stands; null when that is gone. */
export type BoundRow = BindingRow & {
  [Column in "state" | "open" | "error" | "checkpoint"]: JobRow[Column] | null;
};

/** A medium is to be sent to X for an account, by the job of that id. */
export type UploadAsk = {
  client_id: string;
  account_id: string;
  media_id: string;
  job_id: string;
  kind: string;
  lane: string;
  /** The gates of the lane, as `gatesOf` names them. */
  gates: string;
  max_attempts: number;
  /** null: at once. */
  run_at: number | null;
  expires_after_ms: number;
  /** Only if the upload that stands on the same database is whole by now. */
  if_received: 0 | 1;
  /** Only if that job was taken, for which it is asked. */
  if_job: string | null;
};

const COLUMNS = [
  "client_id",
  "account_id",
  "media_id",
  "job_id",
  "kind",
  "lane",
  "max_attempts",
  "run_at",
  "expires_after_ms",
  "if_received",
  "if_job",
] as const satisfies (keyof UploadAsk)[];

/** Ask for media to be sent: one job an id, however many ask. */
export const ask = (db: D1Database, now: number | null, asks: UploadAsk[]): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO jobs (client_id, id, kind, account_id, lane, ordered, state, open, due_at, run_at, expires_at,
                         max_attempts, params, created_at)
       SELECT a.client_id, r.job_id, r.kind, a.id, r.lane, 1, 'queued', 1, max(coalesce(r.run_at, 0), ${NOW}), r.run_at,
              max(coalesce(r.run_at, 0), ${NOW}) + r.expires_after_ms, r.max_attempts,
              json_object('account_id', a.id, 'media_id', r.media_id), ${NOW}
         FROM ${rowsIn("?2", COLUMNS, asks.length)} AS r
         JOIN accounts AS a ON a.id = r.account_id AND a.client_id = r.client_id AND a.state <> 'disconnected'
        WHERE (r.if_received = 0
               OR EXISTS (SELECT 1 FROM uploads AS u WHERE u.client_id = r.client_id AND u.id = r.media_id AND u.state = 'received'))
          AND (r.if_job IS NULL OR EXISTS (SELECT 1 FROM jobs AS t WHERE t.client_id = r.client_id AND t.id = r.if_job))
           ON CONFLICT (client_id, id) DO NOTHING`,
    )
    .bind(now, json(asks));

/** Note which job sends a medium, unless another one is at it. Comes behind `ask`. */
export const bind = (db: D1Database, asks: UploadAsk[]): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO media_bindings (account_id, media_id, client_id, job_id)
       SELECT r.account_id, r.media_id, r.client_id, r.job_id
         FROM ${rowsIn("?1", COLUMNS, asks.length)} AS r
         JOIN jobs AS j ON j.client_id = r.client_id AND j.id = r.job_id AND j.open = 1
        WHERE r.run_at IS NULL
           ON CONFLICT (account_id, media_id) DO UPDATE SET job_id = excluded.job_id
        WHERE NOT EXISTS (SELECT 1 FROM jobs AS o WHERE o.client_id = media_bindings.client_id
                             AND o.id = media_bindings.job_id AND o.open = 1)`,
    )
    .bind(json(asks));

const json = (asks: UploadAsk[]): string => JSON.stringify(asks.map(({ gates: _, ...row }) => row));

/** A running job begins to send a medium. */
export const take = (
  db: D1Database,
  binding: Pick<BindingRow, "account_id" | "media_id" | "client_id" | "job_id">,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO media_bindings (account_id, media_id, client_id, job_id) VALUES (?, ?, ?, ?)
           ON CONFLICT (account_id, media_id) DO UPDATE
          SET job_id = excluded.job_id, x_media_id = NULL, x_expires_at = NULL`,
    )
    .bind(binding.account_id, binding.media_id, binding.client_id, binding.job_id);

/** What X calls a medium now, by the job that sent it while that runs under its lease. */
export type Bound = BindingRow & { lease: string };

const BOUND = [
  "account_id",
  "media_id",
  "client_id",
  "job_id",
  "x_media_id",
  "x_expires_at",
  "lease",
] as const satisfies (keyof Bound)[];

/** Write what X calls media. Comes before the endings of their jobs, which are its fence. */
export const settle = (db: D1Database, bound: Bound[]): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO media_bindings (account_id, media_id, client_id, job_id, x_media_id, x_expires_at)
       SELECT b.account_id, b.media_id, b.client_id, b.job_id, b.x_media_id, b.x_expires_at
         FROM ${rowsIn("?1", BOUND, bound.length)} AS b
         JOIN jobs AS j ON j.client_id = b.client_id AND j.id = b.job_id AND j.lease = b.lease
        WHERE true
           ON CONFLICT (account_id, media_id) DO UPDATE
          SET job_id = excluded.job_id, x_media_id = excluded.x_media_id, x_expires_at = excluded.x_expires_at`,
    )
    .bind(JSON.stringify(bound));

/** X says that it does not know a medium by this id. */
export const forget = (
  db: D1Database,
  { account_id, media_id, x_media_id }: Pick<BindingRow, "account_id" | "media_id" | "x_media_id">,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE media_bindings SET x_media_id = NULL, x_expires_at = NULL
        WHERE account_id = ? AND media_id = ? AND x_media_id = ?`,
    )
    .bind(account_id, media_id, x_media_id);

/** What is known of some media of an account, each with its job. */
export const find = (
  db: D1Database,
  wanted: readonly Pick<BindingRow, "account_id" | "media_id">[],
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT b.*, j.state, j.open, j.error, j.checkpoint
         FROM json_each(?) AS w
         JOIN media_bindings AS b ON b.account_id = w.value ->> 'account_id' AND b.media_id = w.value ->> 'media_id'
         LEFT JOIN jobs AS j ON j.client_id = b.client_id AND j.id = b.job_id`,
    )
    .bind(JSON.stringify(wanted.map(({ account_id, media_id }) => ({ account_id, media_id }))));

/** The lanes of an account's media that have something to do. */
export const lanesOf = (db: D1Database, accountId: string): D1PreparedStatement =>
  db
    .prepare(
      `SELECT DISTINCT j.lane FROM media_bindings AS b
         JOIN jobs AS j ON j.client_id = b.client_id AND j.id = b.job_id AND j.open = 1
        WHERE b.account_id = ?`,
    )
    .bind(accountId);

/** Forget what is known of a medium, on one database. */
export const remove = (
  db: D1Database,
  clientId: string,
  mediaId: string,
  accounts: string[],
): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM media_bindings
        WHERE client_id = ? AND media_id = ? AND account_id IN (SELECT value FROM json_each(?))`,
    )
    .bind(clientId, mediaId, JSON.stringify(accounts));
