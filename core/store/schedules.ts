import { NEW_COLUMNS, insertFrom, type NewJob } from "./new-jobs.ts";
import { NOW, rowsIn } from "./sql.ts";

/** A row of `schedules`. Times in epoch ms; `params` and `metadata` are JSON text. */
export type ScheduleRow = {
  client_id: string;
  id: string;
  account_id: string;
  kind: string;
  params: string;
  cron: string;
  time_zone: string;
  catch_up: "skip" | "once";
  any_order: 0 | 1;
  max_attempts: number | null;
  expires_after_ms: number | null;
  metadata: string | null;
  callback_url: string | null;
  next_at: number | null;
  paused_at: number | null;
  fired: number;
  last_at: number | null;
  last_job_id: string | null;
  skipped: number;
  skipped_from: number | null;
  skipped_to: number | null;
  sequence: number;
  created_at: number;
};

export type NewSchedule = Omit<
  ScheduleRow,
  "paused_at" | "fired" | "last_at" | "last_job_id" | "skipped" | "skipped_from" | "skipped_to" | "sequence"
>;

/** Add a schedule of an account of its client. Changes nothing for another's account, or one that was disconnected. */
export const insert = (db: D1Database, row: NewSchedule): D1PreparedStatement => {
  const columns = Object.keys(row);
  const account = columns.indexOf("account_id") + 1;
  const client = columns.indexOf("client_id") + 1;
  return db
    .prepare(
      `INSERT INTO schedules (${columns.join(", ")}) SELECT ${columns.map((_, index) => `?${index + 1}`).join(", ")}
        WHERE EXISTS (SELECT 1 FROM accounts
                       WHERE id = ?${account} AND client_id = ?${client} AND state <> 'disconnected')
           ON CONFLICT (client_id, id) DO NOTHING`,
    )
    .bind(...Object.values(row));
};

/** One schedule of a client. */
export const find = (db: D1Database, clientId: string, id: string): D1PreparedStatement =>
  db.prepare("SELECT * FROM schedules WHERE client_id = ? AND id = ?").bind(clientId, id);

/** A client's schedules from an id on, of these accounts or of all. */
export const list = (
  db: D1Database,
  clientId: string,
  after: string,
  accounts: readonly string[] | null,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT * FROM schedules WHERE client_id = ?1 AND id > ?2
          AND (?3 IS NULL OR account_id IN (SELECT value FROM json_each(?3))) ORDER BY id LIMIT ?4`,
    )
    .bind(clientId, after, accounts === null ? null : JSON.stringify(accounts), limit);

type Place = Pick<ScheduleRow, "client_id" | "id">;
type Changeable =
  | "cron"
  | "time_zone"
  | "catch_up"
  | "params"
  | "metadata"
  | "max_attempts"
  | "expires_after_ms"
  | "callback_url"
  | "next_at"
  | "paused_at";

/** Set columns of a schedule as it was read: changes nothing when it has changed or come round since. */
export const change = (
  db: D1Database,
  { client_id, id, sequence }: Place & Pick<ScheduleRow, "sequence">,
  columns: Partial<Pick<ScheduleRow, Changeable>>,
): D1PreparedStatement => {
  const names = Object.keys(columns);
  return db
    .prepare(
      `UPDATE schedules SET ${names.map((name, index) => `${name} = ?${index + 4}`).join(", ")}, sequence = sequence + 1
        WHERE client_id = ?1 AND id = ?2 AND sequence = ?3 RETURNING *`,
    )
    .bind(client_id, id, sequence, ...Object.values(columns));
};

/** Delete a schedule. The jobs that it made stay. */
export const remove = (db: D1Database, { client_id, id }: Place): D1PreparedStatement =>
  db.prepare("DELETE FROM schedules WHERE client_id = ? AND id = ?").bind(client_id, id);

/** Schedules whose time comes within so many ms, in the order of their times. */
export const due = (
  db: D1Database,
  now: number | null,
  withinMs: number,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT *, ${NOW} AS now FROM schedules WHERE next_at IS NOT NULL AND next_at <= ${NOW} + ?2
        ORDER BY next_at, id LIMIT ?3`,
    )
    .bind(now, withinMs, limit);

/** A job that a time of a schedule makes, and the schedule as it was read. */
export type FiredJob = NewJob & { schedule_id: string; schedule_sequence: number };

/** Make the jobs of schedules that are as they were read. One that is there already stays as it is. */
export const fire = (db: D1Database, now: number | null, jobs: FiredJob[]): D1PreparedStatement =>
  insertFrom(
    db,
    now,
    rowsIn("?2", [...NEW_COLUMNS, "schedule_id", "schedule_sequence"], jobs.length),
    `JOIN schedules AS s ON s.client_id = j.client_id AND s.id = j.schedule_id AND s.sequence = j.schedule_sequence`,
    JSON.stringify(jobs),
  );

/** How a schedule goes on: `made` are the ids of its jobs, a JSON list; those that are not there count as skipped. */
export type Moved = Place &
  Pick<ScheduleRow, "sequence" | "next_at" | "last_at" | "last_job_id" | "skipped_from" | "skipped_to"> & {
    skipped: number;
    made: string;
    count: number;
  };

const MOVED = [
  "client_id",
  "id",
  "sequence",
  "next_at",
  "last_at",
  "last_job_id",
  "skipped",
  "skipped_from",
  "skipped_to",
  "made",
  "count",
] as const satisfies (keyof Moved)[];

/** Move schedules on, in the batch that makes their jobs and behind them: of those that are as they were read. */
export const move = (db: D1Database, schedules: Moved[]): D1PreparedStatement => {
  const there = `(SELECT count(*) FROM json_each(m.made) AS made
                    JOIN jobs AS j ON j.client_id = m.client_id AND j.id = made.value)`;
  return db
    .prepare(
      `UPDATE schedules SET next_at = m.next_at, sequence = schedules.sequence + 1, fired = fired + ${there},
              skipped = schedules.skipped + m.skipped + m.count - ${there},
              last_at = coalesce(m.last_at, schedules.last_at), last_job_id = coalesce(m.last_job_id, schedules.last_job_id),
              skipped_from = coalesce(m.skipped_from, schedules.skipped_from),
              skipped_to = coalesce(m.skipped_to, schedules.skipped_to)
         FROM ${rowsIn("?1", MOVED, schedules.length)} AS m
        WHERE schedules.client_id = m.client_id AND schedules.id = m.id AND schedules.sequence = m.sequence`,
    )
    .bind(JSON.stringify(schedules));
};
