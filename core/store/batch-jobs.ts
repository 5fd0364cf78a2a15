import { batchRange } from "#core/lib/ids";
import { fromStates, type State } from "#core/lib/lifecycle";
import type { BatchRef } from "./batches.ts";
import { CANCELED, NOW, redriven } from "./sql.ts";

/** A job of a batch as it is handed over. Times in epoch ms; `params`, `metadata`, `warnings` are JSON text. */
export type BatchJob = {
  id: string;
  kind: string;
  account_id: string;
  lane: string;
  ordered: 0 | 1;
  run_at: number | null;
  expires_at: number | null;
  expires_after_ms: number;
  max_attempts: number;
  cost_estimated: number;
  params: string;
  metadata: string | null;
  warnings: string | null;
  callback_url: string | null;
};

const COLUMNS = [
  "id",
  "kind",
  "account_id",
  "lane",
  "ordered",
  "run_at",
  "expires_at",
  "expires_after_ms",
  "max_attempts",
  "cost_estimated",
  "params",
  "metadata",
  "warnings",
  "callback_url",
] as const satisfies (keyof BatchJob)[];

/** A job as `insert` takes it: a JSON list without names, which a batch of ten thousand would repeat as often. */
export const asRow = (job: BatchJob): string => JSON.stringify(COLUMNS.map((column) => job[column]));

const READ = COLUMNS.map((column, index) => `value ->> ${index} AS ${column}`).join(", ");

/**
 * Write jobs of a batch (`rows`: a JSON list of rows), if its part is there: all that are to be done at once are due at the same
 * moment, in the order of their ids. Jobs of an account that went meanwhile are passed over; what is there already stays. The list
 * is read once, whatever SQLite thinks of how many accounts there are: it would read it once for each.
 */
export const insert = (
  db: D1Database,
  { client_id, id }: BatchRef,
  createdAt: number,
  rows: string,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO jobs (client_id, id, kind, account_id, batch_id, lane, ordered, state, open, due_at, run_at, expires_at,
                         max_attempts, cost_estimated, params, metadata, warnings, callback_url, created_at)
       SELECT p.client_id, j.id, j.kind, a.id, p.id, j.lane, j.ordered, 'queued', 1, max(coalesce(j.run_at, 0), p.taken_at),
              j.run_at, coalesce(j.expires_at, max(coalesce(j.run_at, 0), p.taken_at) + j.expires_after_ms), j.max_attempts, j.cost_estimated,
              j.params, j.metadata, j.warnings, j.callback_url, ?3
         FROM batch_parts AS p CROSS JOIN (SELECT ${READ} FROM json_each(?4)) AS j
        CROSS JOIN accounts AS a ON a.id = j.account_id AND a.client_id = p.client_id AND a.state <> 'disconnected'
        WHERE p.client_id = ?1 AND p.id = ?2
           ON CONFLICT (client_id, id) DO NOTHING`,
    )
    .bind(client_id, id, createdAt, rows);

/** The jobs of a batch, as far as a caller reaches: `?1` the time, `?2` the client, `?3` and `?4` the range, `?5` the accounts. */
const MINE = `client_id = ?2 AND id BETWEEN ?3 AND ?4 AND (?5 IS NULL OR account_id IN (SELECT value FROM json_each(?5)))`;

/** Which jobs of a batch are meant: those of some accounts, or of all (null). */
export type Reach = BatchRef & { accounts: readonly string[] | null };

const bound = (
  statement: D1PreparedStatement,
  now: number | null,
  { client_id, id, accounts }: Reach,
  ...more: unknown[]
) => {
  const { from, to } = batchRange(id);
  return statement.bind(
    now,
    client_id,
    from,
    to,
    accounts === null ? null : JSON.stringify(accounts),
    ...more,
  );
};

/** How many jobs are in a state and what they cost; `later`: whose time is to come; and between when and when they are due. */
export type CountRow = {
  state: State;
  later: 0 | 1;
  count: number;
  first_due_at: number;
  last_due_at: number;
  /** What they are thought to cost and have cost, in micro-USD; left out in what was counted before this was. */
  estimated?: number;
  actual?: number;
};

/** Count a batch's jobs by state. */
export const count = (db: D1Database, now: number | null, reach: Reach): D1PreparedStatement =>
  bound(
    db.prepare(
      `SELECT state, due_at > ${NOW} AS later, count(*) AS count, min(due_at) AS first_due_at, max(due_at) AS last_due_at,
              sum(cost_estimated) AS estimated, sum(cost_actual) AS actual
         FROM jobs WHERE ${MINE} GROUP BY state, later`,
    ),
    now,
    reach,
  );

/** Jobs of a batch in the order of its items, behind an id. */
export const list = (
  db: D1Database,
  reach: Reach,
  after: string,
  state: State | null,
  limit: number,
): D1PreparedStatement =>
  bound(
    db.prepare(
      `SELECT * FROM jobs WHERE ${MINE} AND id > ?6 AND (?7 IS NULL OR state = ?7) ORDER BY id LIMIT ?8`,
    ),
    null,
    reach,
    after,
    state,
    limit,
  );

/** Cancel what has not started. `changes` says how many. */
export const cancel = (db: D1Database, now: number | null, reach: Reach): D1PreparedStatement =>
  bound(
    db.prepare(`UPDATE jobs SET ${CANCELED} WHERE ${MINE} AND state IN (${fromStates("cancel")})`),
    now,
    reach,
  );

/** Ask what runs to stop at its next pause. `changes` says how many. */
export const requestCancel = (db: D1Database, reach: Reach): D1PreparedStatement =>
  bound(
    db.prepare(
      `UPDATE jobs SET cancel_requested = 1 WHERE ${MINE} AND state IN (${fromStates("requestCancel")})`,
    ),
    null,
    reach,
  );

/** Give what failed or died a new life, in the order of its items at the end of each lane's line. */
export const redrive = (
  db: D1Database,
  now: number | null,
  reach: Reach,
  expiresAfterMs: number,
): D1PreparedStatement =>
  bound(
    db.prepare(`UPDATE jobs SET ${redriven("?6")} WHERE ${MINE} AND state IN (${fromStates("redrive")})`),
    now,
    reach,
    expiresAfterMs,
  );

/** What a shift moves: what has not started; and forward only what is not due yet, so that nothing is put before what runs. */
const MOVES = `state = 'queued' AND (?6 > 0 OR due_at > ${NOW})`;

/** Between when and when the jobs are due that a shift of so many ms would move. */
export const span = (
  db: D1Database,
  now: number | null,
  reach: Reach,
  shiftMs: number,
): D1PreparedStatement =>
  bound(
    db.prepare(
      `SELECT min(due_at) AS first_due_at, max(due_at) AS last_due_at FROM jobs WHERE ${MINE} AND ${MOVES}`,
    ),
    now,
    reach,
    shiftMs,
  );

/** Move what has not started by so many ms, and the time until which it may be sent with it; none to before now. */
export const shift = (
  db: D1Database,
  now: number | null,
  reach: Reach,
  shiftMs: number,
): D1PreparedStatement =>
  bound(
    db.prepare(
      `UPDATE jobs SET run_at = due_at + ?6, due_at = due_at + ?6, expires_at = expires_at + ?6, sequence = sequence + 1
        WHERE ${MINE} AND ${MOVES} AND due_at + ?6 > ${NOW}`,
    ),
    now,
    reach,
    shiftMs,
  );
