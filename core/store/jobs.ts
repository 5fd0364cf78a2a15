import { fromStates, type State } from "#core/lib/lifecycle";
import { insertFrom, NEW_COLUMNS, type NewJob } from "./new-jobs.ts";
import { CANCELED, redriven, rowsIn } from "./sql.ts";

export type { NewJob };

/** A row of `jobs`. Times in epoch ms; `params`, `checkpoint`, `result`, `error`, `log`, `metadata` are JSON text. */
export type JobRow = {
  client_id: string;
  id: string;
  kind: string;
  account_id: string;
  batch_id: string | null;
  lane: string;
  ordered: 0 | 1;
  state: State;
  open: 1 | null;
  due_at: number;
  run_at: number | null;
  next_attempt_at: number | null;
  expires_at: number;
  attempts: number;
  max_attempts: number;
  crashes: number;
  maybe_sent: 0 | 1 | 2;
  /** Since when X may have acted, by D1's clock: the claim of the first attempt without a clear answer. */
  sent_at: number | null;
  /** The newest thing of the lane that was known then. */
  newest_before: string | null;
  /** How often it was looked for in vain, since it was last lost; and how often it was lost. */
  looks: number;
  losses: number;
  lease: string | null;
  /** The medium that it has given up its place for. */
  awaits: string | null;
  cancel_requested: 0 | 1;
  sequence: number;
  params: string;
  checkpoint: string | null;
  result: string | null;
  error: string | null;
  log: string;
  metadata: string | null;
  /** Micro-USD: what it will cost if all goes well, and what X has billed for it so far. */
  cost_estimated: number;
  cost_actual: number;
  /** What only its taking knew: JSON `[{code, detail}]`. */
  warnings: string | null;
  /** Where its client is told how it ended. */
  callback_url: string | null;
  /** While it runs: what is counted of its lane and not yet added to the tallies, JSON. */
  carried: string | null;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
};

/**
 * Take jobs over for accounts of their client. A job of a foreign, unknown or disconnected account is passed over, a job
 * that is there already stays as it is, so the statement may be repeated.
 */
export const insert = (db: D1Database, now: number | null, jobs: NewJob[]): D1PreparedStatement =>
  insertFrom(db, now, rowsIn("?2", NEW_COLUMNS, jobs.length), "", JSON.stringify(jobs));

/** One job of a client. */
export const find = (db: D1Database, clientId: string, id: string): D1PreparedStatement =>
  db.prepare("SELECT * FROM jobs WHERE client_id = ? AND id = ?").bind(clientId, id);

export type JobFilter = {
  /** Ids below this one: the cursor, or the id that a thing made later would have. */
  before: string;
  /** Ids from this one on. */
  from: string;
  state: State | null;
  /** Of queued jobs: 1 those whose time is to come, 0 those that are due. */
  later: 0 | 1 | null;
  kind: string | null;
  account_id: string | null;
  batch_id: string | null;
};

/** How many rows a list may look at before it returns a short page. */
export const LIST_EXAMINES = 5000;

/**
 * Jobs of a client, the newest first. Looks at no more than LIST_EXAMINES rows, so a rare filter may find fewer than
 * `limit` although there are more: `listFloor` says where to go on.
 */
export const list = (
  db: D1Database,
  clientId: string,
  filter: JobFilter,
  scope: { kinds: readonly string[]; accounts: readonly string[] | null },
  now: number,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT * FROM (SELECT * FROM jobs WHERE client_id = ?1 AND id < ?2 AND id >= ?3 ORDER BY id DESC
                       LIMIT ${LIST_EXAMINES})
        WHERE (?4 IS NULL OR state = ?4) AND (?5 IS NULL OR kind = ?5) AND (?6 IS NULL OR account_id = ?6)
          AND (?7 IS NULL OR batch_id = ?7) AND (?8 IS NULL OR (due_at > ?9) = ?8)
          AND kind IN (SELECT value FROM json_each(?10))
          AND (?11 IS NULL OR account_id IN (SELECT value FROM json_each(?11)))
        LIMIT ?12`,
    )
    .bind(
      clientId,
      filter.before,
      filter.from,
      filter.state,
      filter.kind,
      filter.account_id,
      filter.batch_id,
      filter.later,
      now,
      JSON.stringify(scope.kinds),
      scope.accounts === null ? null : JSON.stringify(scope.accounts),
      limit,
    );

/** The last id that `list` looked at, if it stopped for having looked at enough. */
export const listFloor = (db: D1Database, clientId: string, filter: JobFilter): D1PreparedStatement =>
  db
    .prepare(
      `SELECT id FROM jobs WHERE client_id = ? AND id < ? AND id >= ? ORDER BY id DESC
        LIMIT 1 OFFSET ${LIST_EXAMINES - 1}`,
    )
    .bind(clientId, filter.before, filter.from);

/** Cancel what has not started. Returns its id, or nothing. */
export const cancel = (
  db: D1Database,
  now: number | null,
  clientId: string,
  id: string,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET ${CANCELED}
        WHERE client_id = ?2 AND id = ?3 AND state IN (${fromStates("cancel")}) RETURNING id`,
    )
    .bind(now, clientId, id);

/** Ask a running job to stop at its next pause. */
export const requestCancel = (db: D1Database, clientId: string, id: string): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET cancel_requested = 1
        WHERE client_id = ? AND id = ? AND state IN (${fromStates("requestCancel")}) RETURNING id`,
    )
    .bind(clientId, id);

/** Give failed or dead jobs a new life, as `redriven` says. Returns the ids of those that have it, and their batches'. */
export const redrive = (
  db: D1Database,
  now: number | null,
  clientId: string,
  ids: readonly string[],
  expiresAfterMs: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET ${redriven("?4")}
        WHERE client_id = ?2 AND id IN (SELECT value FROM json_each(?3)) AND state IN (${fromStates("redrive")})
       RETURNING id, batch_id`,
    )
    .bind(now, clientId, JSON.stringify(ids), expiresAfterMs);

/** Which of these jobs are there. */
export const present = (db: D1Database, wanted: Pick<JobRow, "client_id" | "id">[]): D1PreparedStatement =>
  db
    .prepare(
      `SELECT j.client_id, j.id FROM json_each(?) AS w
         JOIN jobs AS j ON j.client_id = w.value ->> 'client_id' AND j.id = w.value ->> 'id'`,
    )
    .bind(JSON.stringify(wanted.map(({ client_id, id }) => ({ client_id, id }))));

/**
 * Delete a bounded number of these clients' jobs that ended long ago. Unknown ones are never deleted, nor those that hold a lane, and
 * those of a batch stay until all of it has ended and is counted.
 */
export const prune = (
  db: D1Database,
  clientIds: string[],
  madeBefore: string,
  endedBefore: number,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM jobs WHERE (client_id, id) IN (
         SELECT j.client_id, j.id FROM json_each(?1) AS c
           JOIN jobs AS j ON j.client_id = c.value AND j.id < ?2 AND j.finished_at < ?3
          WHERE (j.batch_id IS NULL OR NOT EXISTS (
            SELECT 1 FROM batch_parts AS b WHERE b.client_id = j.client_id AND b.id = j.batch_id AND b.counts IS NULL))
            AND j.id NOT IN (SELECT held_by FROM gates WHERE name = 'thread:' || j.account_id)
          LIMIT ?4)`,
    )
    .bind(JSON.stringify(clientIds), madeBefore, endedBefore, limit);
