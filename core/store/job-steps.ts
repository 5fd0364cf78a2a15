import { fromStates } from "#core/lib/lifecycle";
import type { Spent } from "./allowances.ts";
import type { JobRow } from "./jobs.ts";
import { claimable, headOf, isIn, logged, MAY_RUN, namesIn, NOW, rowsIn } from "./sql.ts";
import { TODAY } from "./usage.ts";

/** What a rescue needs to know of the kinds: those that know how to look for what they may have done. */
export type Reconcilable = readonly string[];

/** The lanes of the JSON list `?2` whose lease ran out. */
const expiredAmong = (count: number): string =>
  `(SELECT lanes.client_id, lanes.lane, lanes.lease FROM ${namesIn("?2", count)} AS m
      JOIN lanes ON lanes.lane = m.lane WHERE lanes.lease IS NOT NULL AND lanes.leased_until <= ${NOW}) AS expired`;

/**
 * What such a lease left running. It was the first of its lane when it was claimed and nothing is put before it, so 32 rows
 * hold it.
 */
const LEFT_BEHIND = `jobs.client_id = expired.client_id AND jobs.lease = expired.lease
  AND jobs.state IN (${fromStates("rescue")})
  AND jobs.id IN (SELECT h.id FROM jobs AS h WHERE h.lane = expired.lane AND h.open = 1 ORDER BY h.due_at, h.id LIMIT 32)`;

/** May be looked for: its kind can, and it does not bring its Worker down each time. */
const lookable = (reconcilable: string): string => `crashes < 2 AND ${isIn(reconcilable, "kind")}`;

/**
 * Move on what the expired leases of these lanes left running: looked for if X may have acted, else tried again;
 * canceled if that was asked; dead after its third crash or its last attempt. A look costs no attempt, also when it crashed.
 * Returns the clients of those that do not go on.
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
         open = CASE WHEN maybe_sent > 0 THEN iif(${lookable("?3")}, 1, NULL)
                     WHEN cancel_requested = 1 OR crashes >= 2 OR attempts >= max_attempts THEN NULL ELSE 1 END,
         finished_at = CASE WHEN maybe_sent = 0 AND (cancel_requested = 1 OR crashes >= 2 OR attempts >= max_attempts)
                            THEN ${NOW} END,
         error = CASE WHEN maybe_sent > 0 THEN ?6 WHEN cancel_requested = 1 THEN error
                      WHEN crashes >= 2 THEN ?4 WHEN attempts >= max_attempts THEN ?5 ELSE error END,
         next_attempt_at = iif(maybe_sent > 0, ${NOW} + 5000, NULL),
         looks = iif(maybe_sent = 1, 0, looks), losses = losses + (maybe_sent = 1),
         attempts = attempts - (maybe_sent = 2),
         maybe_sent = iif(maybe_sent > 0, 2, 0),
         crashes = crashes + 1,
         lease = NULL, carried = NULL,
         sequence = sequence + 1,
         log = ${logged("crashed")}
        FROM ${expiredAmong(lanes.length)} WHERE ${LEFT_BEHIND}
       RETURNING iif(jobs.open IS NULL, jobs.client_id, NULL) AS ended_of`,
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
 * clock: an ordered job keeps its place meanwhile, another goes to the end of the line. `cost` is what X billed for this run;
 * `estimate` what the job will have cost in the end, where that has changed.
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
  | "crashes"
  | "expires_at"
  | "looks"
  | "losses"
  | "awaits"
> & { lease: string; wait_ms: number | null; final: 0 | 1; cost: number; estimate: number | null };

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
  "crashes",
  "expires_at",
  "looks",
  "losses",
  "cost",
  "estimate",
  "awaits",
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
         due_at = iif((jobs.ordered = 0 OR e.awaits IS NOT NULL) AND e.wait_ms IS NOT NULL, ${NOW} + e.wait_ms, jobs.due_at),
         next_attempt_at = iif(${STOP} OR e.wait_ms IS NULL, NULL, ${NOW} + e.wait_ms),
         attempts = e.attempts, maybe_sent = e.maybe_sent,
         checkpoint = e.checkpoint, result = e.result, error = e.error, log = e.log, lease = NULL, carried = NULL,
         crashes = e.crashes, expires_at = e.expires_at, looks = e.looks, losses = e.losses,
         cost_actual = cost_actual + e.cost, cost_estimated = coalesce(e.estimate, cost_estimated), awaits = e.awaits,
         sequence = sequence + 1
        FROM ${rowsIn("?2", ENDING_COLUMNS, endings.length)} AS e
       WHERE jobs.client_id = e.client_id AND jobs.id = e.id AND jobs.lease = e.lease
         AND jobs.state IN (${fromStates("done")})
       RETURNING 1`,
    )
    .bind(now, JSON.stringify(endings));

/** Keep how far a running job has come. It came further, so it has its attempts again. */
export const keep = (
  db: D1Database,
  { client_id, id, lease }: Pick<JobRow, "client_id" | "id" | "lease">,
  checkpoint: string,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET checkpoint = ?4, attempts = 1
        WHERE client_id = ?1 AND id = ?2 AND lease = ?3 AND state IN (${fromStates("done")})`,
    )
    .bind(client_id, id, lease, checkpoint);

/** What it may come to is looked for from the first attempt on that had no clear answer: it may show up late. */
const FIRST_SENT = `maybe_sent = 0 AND losses = 0 AND ${isIn("?4", "kind")}`;

/** Within what its lane was given for today, of which so much is spent. A look needs nothing: it must be found out what became of it. */
const AFFORDED = `(jobs.state = 'unknown' OR coalesce(lanes.calls > lanes.calls_spent, 1)
  AND coalesce(lanes.money - lanes.money_spent >= max(0, jobs.cost_estimated - jobs.cost_actual)
               AND (lanes.leased_until - ?6 >= ${TODAY} OR jobs.cost_estimated <= jobs.cost_actual), 1))`;

/** A lane to claim of: what is spent of its allowances, and what is counted of it and not yet added to the tallies (JSON). */
export type Claim = Spent & { carried: string | null };

/** Under which lease jobs are claimed, how long one lasts, and the kinds that must not be repeated. */
export type Claiming = { lease: string; lease_ms: number; unrepeatable: readonly string[] };

/**
 * Take the first job of each leased lane, if its time has come, its gates are open and its lane may use what it needs. Passes over lanes whose first job
 * is running already, so a commit whose answer was lost may be sent again. `maybe_sent` is written here, before X is
 * called: a job of a kind that must not be repeated may have acted from now on.
 */
export const claim = (
  db: D1Database,
  now: number | null,
  { lease, lease_ms, unrepeatable }: Claiming,
  lanes: Claim[],
  alone: boolean,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET state = 'running', lease = ?2, attempts = attempts + 1, next_attempt_at = NULL,
                       started_at = coalesce(started_at, ${NOW}), sequence = sequence + 1,
                       sent_at = iif(${FIRST_SENT}, ${NOW}, sent_at),
                       newest_before = iif(${FIRST_SENT}, lanes.newest, newest_before), carried = lanes.carried,
                       maybe_sent = iif(maybe_sent = 0 AND ${isIn("?4", "kind")}, 1, maybe_sent)
        FROM (SELECT lanes.client_id, lanes.lane, lanes.gates, lanes.newest, lanes.calls, lanes.money, lanes.leased_until,
                     m.calls AS calls_spent, m.money AS money_spent, m.carried, ${headOf("lanes.lane")} AS head
                FROM ${rowsIn("?3", ["lane", "calls", "money", "carried"], lanes.length)} AS m JOIN lanes ON lanes.lane = m.lane
               WHERE lanes.lease = ?2 AND lanes.leased_until > ${NOW}) AS lanes
       WHERE jobs.client_id = lanes.client_id AND jobs.id = lanes.head AND ${claimable("jobs")} AND ${MAY_RUN}
         AND ${AFFORDED} AND (jobs.crashes < 2 OR ?5)`,
    )
    .bind(now, lease, JSON.stringify(lanes), JSON.stringify(unrepeatable), alone ? 1 : 0, lease_ms);

/** Cancel a bounded number of a lane's jobs that have not started, the first ones first. */
export const cancelLane = (
  db: D1Database,
  now: number | null,
  clientId: string,
  lane: string,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET state = 'canceled', open = NULL, finished_at = ${NOW}, next_attempt_at = NULL,
                       sequence = sequence + 1
        WHERE client_id = ?2 AND id IN (
          SELECT h.id FROM jobs AS h WHERE h.lane = ?3 AND h.open = 1 AND h.state IN (${fromStates("cancel")})
           ORDER BY h.due_at, h.id LIMIT ?4)
       RETURNING id`,
    )
    .bind(now, clientId, lane, limit);

/** Ask what runs on a lane to stop at its next pause. As in `rescue`, it is found among the first 32. */
export const requestCancelLane = (db: D1Database, clientId: string, lane: string): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET cancel_requested = 1
        WHERE client_id = ?1 AND state IN (${fromStates("requestCancel")}) AND id IN (
          SELECT h.id FROM jobs AS h WHERE h.lane = ?2 AND h.open = 1 ORDER BY h.due_at, h.id LIMIT 32)`,
    )
    .bind(clientId, lane);
