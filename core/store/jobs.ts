import { fromStates, type State } from "#core/lib/lifecycle";
import { GATES_OPEN, headOf, isIn, namesIn, NOW, rowsIn } from "./sql.ts";

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
  lease: string | null;
  cancel_requested: 0 | 1;
  sequence: number;
  params: string;
  checkpoint: string | null;
  result: string | null;
  error: string | null;
  log: string;
  metadata: string | null;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
};

/** What a client hands over. `run_at` null: as soon as its turn comes, by D1's clock. */
export type NewJob = Pick<
  JobRow,
  "client_id" | "id" | "kind" | "account_id" | "lane" | "ordered" | "max_attempts" | "params" | "created_at"
> & {
  run_at: number | null;
  expires_at: number | null;
  expires_after_ms: number;
  metadata: string | null;
};

const NEW_COLUMNS = [
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
  "created_at",
] as const satisfies (keyof NewJob)[];

/**
 * Take jobs over for accounts of their client. A job of a foreign or unknown account is passed over, a job that is
 * there already stays as it is, so the statement may be repeated.
 */
export const insert = (db: D1Database, now: number | null, jobs: NewJob[]): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO jobs (client_id, id, kind, account_id, lane, ordered, state, open, due_at, run_at, expires_at,
                         max_attempts, params, metadata, created_at)
       SELECT j.client_id, j.id, j.kind, a.id, j.lane, j.ordered, 'queued', 1, j.due_at, j.run_at,
              coalesce(j.expires_at, j.due_at + j.expires_after_ms), j.max_attempts, j.params, j.metadata, j.created_at
         FROM (SELECT *, max(coalesce(run_at, 0), ${NOW}) AS due_at
                 FROM ${rowsIn("?2", NEW_COLUMNS, jobs.length)}) AS j
         JOIN accounts AS a ON a.id = j.account_id AND a.client_id = j.client_id
        WHERE true
           ON CONFLICT (client_id, id) DO NOTHING`,
    )
    .bind(now, JSON.stringify(jobs));

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

/** What a rescue needs to know of the kinds: those that know how to look for what they may have done. */
export type Reconcilable = readonly string[];

/**
 * Move on what the expired leases of these lanes left running: looked for if X may have acted, else tried again;
 * canceled if that was asked; dead after its third crash or its last attempt.
 * A running job was the first of its lane when it was claimed and nothing is put before it, so 32 rows hold it.
 */
export const rescue = (
  db: D1Database,
  now: number | null,
  lanes: string[],
  reconcilable: Reconcilable,
  problems: { poison: string; exhausted: string; lost: string },
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET
         state = CASE WHEN maybe_sent > 0 THEN 'unknown' WHEN cancel_requested = 1 THEN 'canceled'
                      WHEN crashes >= 2 OR attempts >= max_attempts THEN 'dead' ELSE 'waiting' END,
         open = CASE WHEN maybe_sent > 0 THEN iif(crashes < 2 AND ${isIn("?3", "kind")}, 1, NULL)
                     WHEN cancel_requested = 1 OR crashes >= 2 OR attempts >= max_attempts THEN NULL ELSE 1 END,
         finished_at = CASE WHEN maybe_sent = 0 AND (cancel_requested = 1 OR crashes >= 2 OR attempts >= max_attempts)
                            THEN ${NOW} END,
         error = CASE WHEN maybe_sent > 0 THEN ?6 WHEN cancel_requested = 1 THEN error
                      WHEN crashes >= 2 THEN ?4 WHEN attempts >= max_attempts THEN ?5 ELSE error END,
         next_attempt_at = iif(maybe_sent > 0, ${NOW} + 5000, NULL),
         maybe_sent = iif(maybe_sent > 0, 2, 0),
         crashes = crashes + 1,
         lease = NULL,
         sequence = sequence + 1,
         log = json_insert(log, '$[#]', json_object('at', ${NOW}, 'outcome', 'crashed'))
        FROM (SELECT lanes.client_id, lanes.lane, lanes.lease FROM ${namesIn("?2", lanes.length)} AS m
                JOIN lanes ON lanes.lane = m.lane
               WHERE lanes.lease IS NOT NULL AND lanes.leased_until <= ${NOW}) AS expired
       WHERE jobs.client_id = expired.client_id AND jobs.lease = expired.lease
         AND jobs.state IN (${fromStates("rescue")})
         AND jobs.id IN (SELECT h.id FROM jobs AS h WHERE h.lane = expired.lane AND h.open = 1
                          ORDER BY h.due_at, h.id LIMIT 32)`,
    )
    .bind(
      now,
      JSON.stringify(lanes),
      JSON.stringify(reconcilable),
      problems.poison,
      problems.exhausted,
      problems.lost,
    );

/** End the first job of each leased lane whose time to be sent has passed. It is never sent. */
export const expire = (
  db: D1Database,
  now: number | null,
  lease: string,
  lanes: string[],
  problem: string,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET state = 'failed', open = NULL, finished_at = ${NOW}, next_attempt_at = NULL, error = ?4,
                       sequence = sequence + 1
        FROM (SELECT lanes.client_id, ${headOf("lanes.lane")} AS id FROM ${namesIn("?3", lanes.length)} AS m
                JOIN lanes ON lanes.lane = m.lane WHERE lanes.lease = ?2 AND lanes.leased_until > ${NOW}) AS head
       WHERE jobs.client_id = head.client_id AND jobs.id = head.id
         AND jobs.state IN (${fromStates("expire")}) AND jobs.expires_at <= ${NOW}`,
    )
    .bind(now, lease, JSON.stringify(lanes), problem);

/**
 * What is written of a job that its holder has run, fenced by `lease`. `wait_ms` is how long it pauses, counted by D1's
 * clock: an ordered job keeps its place meanwhile, another goes to the end of the line.
 */
export type Ending = Pick<
  JobRow,
  | "client_id"
  | "id"
  | "state"
  | "open"
  | "attempts"
  | "maybe_sent"
  | "checkpoint"
  | "result"
  | "error"
  | "log"
> & { lease: string; wait_ms: number | null; final: 0 | 1 };

const ENDING_COLUMNS = [
  "client_id",
  "id",
  "lease",
  "state",
  "open",
  "final",
  "wait_ms",
  "attempts",
  "maybe_sent",
  "checkpoint",
  "result",
  "error",
  "log",
] as const satisfies (keyof Ending)[];

/** A job that goes on although its client asked to cancel it. */
const STOP = "jobs.cancel_requested = 1 AND e.state = 'waiting'";

/**
 * Write what running jobs came to, each only while its lease is the one that ran it. A job that goes on but was asked to
 * be canceled ends canceled.
 */
export const settle = (db: D1Database, now: number | null, endings: Ending[]): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET
         state = iif(${STOP}, 'canceled', e.state), open = iif(${STOP}, NULL, e.open),
         finished_at = iif(${STOP} OR e.final, ${NOW}, NULL),
         due_at = iif(jobs.ordered = 0 AND e.wait_ms IS NOT NULL, ${NOW} + e.wait_ms, jobs.due_at),
         next_attempt_at = iif(${STOP} OR e.wait_ms IS NULL, NULL, ${NOW} + e.wait_ms),
         attempts = e.attempts, maybe_sent = e.maybe_sent,
         checkpoint = e.checkpoint, result = e.result, error = e.error, log = e.log, lease = NULL,
         sequence = sequence + 1
        FROM ${rowsIn("?2", ENDING_COLUMNS, endings.length)} AS e
       WHERE jobs.client_id = e.client_id AND jobs.id = e.id AND jobs.lease = e.lease
         AND jobs.state IN (${fromStates("done")})`,
    )
    .bind(now, JSON.stringify(endings));

/**
 * Take the first job of each leased lane, if its time has come and its gates are open. Passes over lanes whose first job
 * is running already, so a commit whose answer was lost may be sent again. `maybe_sent` is written here, before X is
 * called: a job of a kind that must not be repeated may have acted from now on.
 */
export const claim = (
  db: D1Database,
  now: number | null,
  lease: string,
  lanes: string[],
  unrepeatable: readonly string[],
  alone: boolean,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET state = 'running', lease = ?2, attempts = attempts + 1, next_attempt_at = NULL,
                       started_at = coalesce(started_at, ${NOW}), sequence = sequence + 1,
                       maybe_sent = iif(maybe_sent = 0 AND ${isIn("?4", "kind")}, 1, maybe_sent)
        FROM (SELECT lanes.client_id, ${headOf("lanes.lane")} AS id FROM ${namesIn("?3", lanes.length)} AS m
                JOIN lanes ON lanes.lane = m.lane
               WHERE lanes.lease = ?2 AND lanes.leased_until > ${NOW} AND ${GATES_OPEN}) AS head
       WHERE jobs.client_id = head.client_id AND jobs.id = head.id AND jobs.state IN (${fromStates("claim")})
         AND jobs.due_at <= ${NOW} AND coalesce(jobs.next_attempt_at, 0) <= ${NOW}
         AND (jobs.expires_at > ${NOW} OR jobs.state = 'unknown') AND (jobs.crashes < 2 OR ?5)`,
    )
    .bind(now, lease, JSON.stringify(lanes), JSON.stringify(unrepeatable), alone ? 1 : 0);

/** Cancel what has not started. Returns its id, or nothing. */
export const cancel = (
  db: D1Database,
  now: number | null,
  clientId: string,
  id: string,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET state = 'canceled', open = NULL, finished_at = ${NOW}, next_attempt_at = NULL,
                       sequence = sequence + 1
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

/**
 * Give a failed or dead job a new life: at the end of its lane's line, so that nothing is put before a running job, with
 * all its attempts, and a week to be sent if its time had passed. Returns its id, or nothing.
 */
export const redrive = (
  db: D1Database,
  now: number | null,
  clientId: string,
  id: string,
  expiresAfterMs: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET state = iif(maybe_sent = 2, 'unknown', 'queued'), open = 1, due_at = ${NOW}, attempts = 0,
                       crashes = 0, finished_at = NULL, next_attempt_at = NULL, cancel_requested = 0,
                       expires_at = iif(expires_at <= ${NOW}, ${NOW} + ?4, expires_at), sequence = sequence + 1
        WHERE client_id = ?2 AND id = ?3 AND state IN (${fromStates("redrive")}) RETURNING id`,
    )
    .bind(now, clientId, id, expiresAfterMs);

/** Delete a bounded number of a client's jobs that ended long ago. Unknown ones are never deleted. */
export const prune = (
  db: D1Database,
  clientId: string,
  madeBefore: string,
  endedBefore: number,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM jobs WHERE client_id = ?1 AND id IN (
         SELECT id FROM jobs WHERE client_id = ?1 AND id < ?2 AND finished_at < ?3 LIMIT ?4)`,
    )
    .bind(clientId, madeBefore, endedBefore, limit);
