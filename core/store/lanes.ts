import { fromStates } from "#core/lib/lifecycle";
import type { JobRow } from "./jobs.ts";
import { GATES_A_LANE, GATES_OPEN, headOf, namesIn, NOW, rowsIn } from "./sql.ts";

/** A row of `lanes`. Times in epoch ms; `gates` and `window` are JSON text. */
export type LaneRow = {
  lane: string;
  client_id: string;
  account_id: string;
  app_id: string;
  gates: string;
  next_at: number | null;
  lease: string | null;
  leased_until: number | null;
  window: string | null;
  /** The newest thing that X made for this lane, as far as we know. */
  newest: string | null;
};

/** What X's headers said last of a lane's window. */
export type WindowReading = { limit: number; remaining: number; resets_at: number };

/**
 * Note that a lane has something to do, once its jobs are in: its `next_at` falls to the earliest due time of these jobs
 * and never rises here. `{app}` and `{account}` in the gates' names are filled in. Returns the lanes that changed:
 * the others have a wake-up under way, or a holder that will look again before it lets go.
 */
export const schedule = (
  db: D1Database,
  now: number | null,
  entries: { client_id: string; id: string; gates: string }[],
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO lanes (lane, client_id, account_id, app_id, gates, next_at)
       SELECT j.lane, j.client_id, a.id, a.app_id,
              replace(replace(m.gates, '{app}', a.app_id), '{account}', a.id), j.due_at
         FROM ${rowsIn("?2", ["client_id", "id", "gates"], entries.length)} AS m
         JOIN jobs AS j ON j.client_id = m.client_id AND j.id = m.id AND j.open = 1
         JOIN accounts AS a ON a.id = j.account_id
        WHERE true
           ON CONFLICT (lane) DO UPDATE
          SET next_at = excluded.next_at, gates = excluded.gates, app_id = excluded.app_id
        WHERE lanes.next_at IS NULL OR excluded.next_at < lanes.next_at
       RETURNING lane, next_at - ${NOW} AS wait_ms`,
    )
    .bind(now, JSON.stringify(entries));

/**
 * Take lanes that have something to do and no holder, or one whose lease ran out. A lane this lease holds already is left
 * as it is, so a commit whose answer was lost may be sent again.
 */
export const lease = (
  db: D1Database,
  now: number | null,
  id: string,
  lanes: string[],
  lastsMs: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE lanes SET lease = ?2, leased_until = ${NOW} + ?4
        FROM ${namesIn("?3", lanes.length)} AS m WHERE lanes.lane = m.lane AND next_at <= ${NOW}
          AND (lease IS NULL OR leased_until <= ${NOW})`,
    )
    .bind(now, id, JSON.stringify(lanes), lastsMs);

/**
 * A lane as a commit left it, and its first job when the asker holds it. `wait_ms`: until it next has something to do.
 * Everything of the job is null when the lane is another's, free, or empty.
 */
export type Look = {
  lane: string;
  wait_ms: number | null;
  held: 0 | 1;
  /** Held by the asker. */
  mine: 0 | 1;
  /** Running under the asker's lease: its to run. */
  running: 0 | 1 | null;
  /** Passed its `expires_at` before it was sent. */
  overdue: 0 | 1 | null;
  /** Due, and held back only because it crashed its Worker twice. */
  suspect: 0 | 1 | null;
  /** 1 when another open job stands behind the first, else null. */
  more: 1 | null;
  /** The version of the account's token pair, or null when the account is gone. */
  token_version: number | null;
  token_expires_at: number | null;
  x_user_id: string | null;
  /** The sealed pair of that version. */
  token: string | null;
} & { [Column in keyof JobRow]: JobRow[Column] | null };

/** Passed its time unsent. */
const OVERDUE = `jobs.state IN (${fromStates("expire")}) AND jobs.expires_at <= ${NOW}`;

/** Due, but it crashed its Worker twice. */
const SUSPECT = `jobs.crashes >= 2 AND jobs.state IN (${fromStates("claim")}) AND jobs.due_at <= ${NOW}
  AND coalesce(jobs.next_attempt_at, 0) <= ${NOW} AND ${GATES_OPEN}`;

/** Look at lanes after everything else of a commit: what loops go by, whatever earlier statements returned. */
export const look = (
  db: D1Database,
  now: number | null,
  lease: string,
  lanes: string[],
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT jobs.*, lanes.lane, lanes.next_at - ${NOW} AS wait_ms,
              lanes.lease IS NOT NULL AND lanes.leased_until > ${NOW} AS held,
              lanes.lease IS ?2 AND lanes.leased_until > ${NOW} AS mine,
              jobs.state = 'running' AND jobs.lease = ?2 AS running, ${OVERDUE} AS overdue, ${SUSPECT} AS suspect,
              (SELECT 1 FROM jobs AS h WHERE h.lane = jobs.lane AND h.open = 1 LIMIT 1 OFFSET 1) AS more,
              accounts.token_version, accounts.token_expires_at, accounts.token, accounts.x_user_id
         FROM ${namesIn("?3", lanes.length)} AS m JOIN lanes ON lanes.lane = m.lane
         LEFT JOIN jobs ON lanes.lease = ?2 AND lanes.leased_until > ${NOW}
                       AND jobs.client_id = lanes.client_id AND jobs.id = ${headOf("lanes.lane")}
         LEFT JOIN accounts ON accounts.id = jobs.account_id`,
    )
    .bind(now, lease, JSON.stringify(lanes));

/** When a lane is next due, from its first job and its gates; NULL when it is empty. `lanes` must be in scope. */
const NEXT_AT = `(
  SELECT min(iif(jobs.state = 'unknown', 9e15, jobs.expires_at),
             max(jobs.due_at, coalesce(jobs.next_attempt_at, 0), ${closedUntil()}))
    FROM jobs WHERE jobs.client_id = lanes.client_id AND jobs.id = ${headOf("lanes.lane")})`;

/** When the last of a lane's gates opens, or 0. */
function closedUntil(): string {
  const gate = (index: number) =>
    `coalesce((SELECT gates.open_at FROM gates WHERE gates.name = lanes.gates ->> ${index} AND gates.open_at > ${NOW}), 0)`;
  return Array.from({ length: GATES_A_LANE }, (_, index) => gate(index)).join(", ");
}

/**
 * Let the lane of a job be looked at now: its first job has gone, and what stands behind it may be due. Returns the lane if
 * it was not due anyway.
 */
export const hurry = (
  db: D1Database,
  now: number | null,
  clientId: string,
  jobId: string,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE lanes SET next_at = ${NOW}
        WHERE lane = (SELECT lane FROM jobs WHERE client_id = ?2 AND id = ?3 AND state = 'canceled')
          AND next_at > ${NOW}
       RETURNING lane, 0 AS wait_ms`,
    )
    .bind(now, clientId, jobId);

/** A lane to give back; what X's headers said last of its window (JSON) and what X made last for it, if anything new. */
export type HandBack = { lane: string; window: string | null; newest: string | null };

/**
 * Give lanes back. When a lane is next due is found here, in the statement that lets it go: work that came while it was
 * held is never overlooked. Behind closed gates a lane is due when they open or its first job expires, whichever is
 * earlier.
 */
export function handBack(
  db: D1Database,
  now: number | null,
  lease: string,
  lanes: HandBack[],
): D1PreparedStatement {
  const rows = lanes.map((_, index) => `(?3 ->> ${index}, ?4 ->> ${index}, ?5 ->> ${index})`).join(",");
  return db
    .prepare(
      `UPDATE lanes SET lease = NULL, leased_until = NULL, window = coalesce(m.column2, lanes.window), newest = coalesce(m.column3, lanes.newest),
                        next_at = ${NEXT_AT}
         FROM (VALUES ${rows}, (NULL, NULL, NULL)) AS m WHERE lanes.lane = m.column1 AND lanes.lease = ?2`,
    )
    .bind(
      now,
      lease,
      JSON.stringify(lanes.map(({ lane }) => lane)),
      JSON.stringify(lanes.map(({ window }) => window)),
      JSON.stringify(lanes.map(({ newest }) => newest)),
    );
}

/** Lanes to wake: those with something to do before `withinMs` that nobody holds, in the order of their time. */
export const due = (
  db: D1Database,
  now: number | null,
  withinMs: number,
  after: { next_at: number; lane: string },
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT lane, next_at, next_at - ${NOW} AS wait_ms FROM lanes
        WHERE next_at IS NOT NULL AND (next_at, lane) > (?3, ?4) AND next_at <= ${NOW} + ?2
          AND (lease IS NULL OR leased_until <= ${NOW})
        ORDER BY next_at, lane LIMIT ?5`,
    )
    .bind(now, withinMs, after.next_at, after.lane, limit);

/** One lane by name. */
export const find = (db: D1Database, lane: string): D1PreparedStatement =>
  db.prepare("SELECT * FROM lanes WHERE lane = ?").bind(lane);
