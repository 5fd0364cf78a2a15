import { fromStates } from "#core/lib/lifecycle";
import type { JobRow } from "./jobs.ts";
import { callsGiven, MONEY_GIVEN, type AppWindows, type Spent } from "./allowances.ts";
import { IS_CLOCKS, WAIT_MS } from "./receivers.ts";
import { HALF_OPEN, headOf, isClaimable, MAY_RUN, namesIn, nextAt, NOW, rowsIn } from "./sql.ts";

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
  /** How many jobs its holder may run, and what they may cost; null: what it likes. */
  calls: number | null;
  money: number | null;
  /** When jobs of it last ran that an allowance counts. */
  served_at: number;
  /** What its holder had counted and not yet added to the tallies when it last found nothing to claim: JSON. */
  carried: string | null;
};

/** As X's headers said last. */
export type WindowReading = { limit: number; remaining: number; resets_at: number };

/**
 * Note that a lane has something to do, once its jobs are in: its `next_at` falls to the earliest due time of these jobs
 * and never rises here. `{app}`, `{account}` and `{client}` in the gates' names are filled in. Returns the lanes that changed:
 * the others have a wake-up under way, or a holder that will look again before it lets go.
 */
export const schedule = (
  db: D1Database,
  now: number | null,
  entries: { client_id: string; id: string; gates: string }[],
): D1PreparedStatement => scheduleIn(db, now, JSON.stringify(entries), entries.length);

/** The same for the lanes of many jobs: `entries` is a JSON list of theirs. */
export const scheduleAll = (db: D1Database, now: number | null, entries: string): D1PreparedStatement =>
  scheduleIn(db, now, entries, Infinity);

const scheduleIn = (
  db: D1Database,
  now: number | null,
  entries: string,
  count: number,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO lanes (lane, client_id, account_id, app_id, gates, next_at)
       SELECT j.lane, j.client_id, a.id, a.app_id,
              replace(replace(replace(m.gates, '{app}', a.app_id), '{account}', a.id), '{client}', j.client_id), j.due_at
         FROM ${rowsIn("?2", ["client_id", "id", "gates"], count)} AS m
         JOIN jobs AS j ON j.client_id = m.client_id AND j.id = m.id AND j.open = 1
         JOIN accounts AS a ON a.id = j.account_id
        WHERE true
           ON CONFLICT (lane) DO UPDATE
          SET next_at = excluded.next_at, gates = excluded.gates, app_id = excluded.app_id
        WHERE lanes.next_at IS NULL OR excluded.next_at < lanes.next_at
       RETURNING lane, next_at - ${NOW} AS wait_ms`,
    )
    .bind(now, entries);

/**
 * Take lanes that have something to do and no holder, or one whose lease ran out. A lane this lease holds already is left as it is, so a
 * commit whose answer was lost may be sent again.
 */
export const lease = (
  db: D1Database,
  now: number | null,
  id: string,
  lanes: string[],
  lastsMs: number,
  windows: AppWindows,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE lanes SET lease = ?2, leased_until = ${NOW} + ?4, calls = ${callsGiven("?5")}, money = ${MONEY_GIVEN}, carried = NULL
        FROM ${namesIn("?3", lanes.length)} AS m WHERE lanes.lane = m.lane AND next_at <= ${NOW}
          AND (lease IS NULL OR leased_until <= ${NOW})`,
    )
    .bind(now, id, JSON.stringify(lanes), lastsMs, JSON.stringify(windows));

/**
 * A lane as a commit left it, and its first job when the asker holds it. `wait_ms`: until it next has something to do, if it is to be
 * woken then. Everything of the job is null when the lane is another's, free, or empty.
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
  /** Due, and held back only because nobody has tried a part of X that was broken. */
  half_open: 0 | 1 | null;
  /** What is known of the parts of X that it needs, if anything: JSON, by gate `[faults, shut_at]`. */
  parts: string | null;
  /** 1 when another open job stands behind the first, else null. */
  more: 1 | null;
  /** What the asker may use of the lane's allowances under its lease. */
  calls: number | null;
  money: number | null;
  /** The version of the account's token pair, or null when the account is gone. */
  token_version: number | null;
  token_expires_at: number | null;
  x_user_id: string | null;
  /** The sealed pair of that version. */
  token: string | null;
} & { [Column in keyof JobRow]: JobRow[Column] | null };

/** Passed its time unsent. */
const OVERDUE = `jobs.state IN (${fromStates("expire")}) AND jobs.expires_at <= ${NOW}`;

/** Waits, and its time has come. */
const DUE = `${isClaimable("jobs")} AND jobs.due_at <= ${NOW} AND coalesce(jobs.next_attempt_at, 0) <= ${NOW}`;

/** Due, but it crashed its Worker twice. */
const SUSPECT = `jobs.crashes >= 2 AND ${DUE} AND ${MAY_RUN}`;

/** Of a part of X, or its app, without a row there is nothing to know, and nothing is read; nor for whoever does not hold the lane. */
const PARTS = `iif(jobs.id IS NULL, NULL, (SELECT json_group_object(name, json_array(faults, shut_at)) FROM gates
  WHERE name IN (lanes.gates ->> 0, lanes.gates ->> 1, iif(jobs.maybe_sent = 2, 'x:reads', NULL))))`;

/** Look at lanes after everything else of a commit: what loops go by, whatever earlier statements returned. */
export const look = (
  db: D1Database,
  now: number | null,
  lease: string,
  lanes: string[],
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT jobs.*, lanes.lane, ${WAIT_MS} AS wait_ms, lanes.calls, lanes.money,
              lanes.lease IS NOT NULL AND lanes.leased_until > ${NOW} AS held,
              lanes.lease IS ?2 AND lanes.leased_until > ${NOW} AS mine,
              jobs.state = 'running' AND jobs.lease = ?2 AS running, ${OVERDUE} AS overdue, ${SUSPECT} AS suspect,
              ${DUE} AND ${HALF_OPEN} AS half_open, ${PARTS} AS parts,
              (SELECT 1 FROM jobs AS h WHERE h.lane = jobs.lane AND h.open = 1 LIMIT 1 OFFSET 1) AS more,
              accounts.token_version, accounts.token_expires_at, accounts.token, accounts.x_user_id
         FROM ${namesIn("?3", lanes.length)} AS m JOIN lanes ON lanes.lane = m.lane
         LEFT JOIN jobs ON lanes.lease = ?2 AND lanes.leased_until > ${NOW}
                       AND jobs.client_id = lanes.client_id AND jobs.id = ${headOf("lanes.lane")}
         LEFT JOIN accounts ON accounts.id = jobs.account_id`,
    )
    .bind(now, lease, JSON.stringify(lanes));

/**
 * Let the lane of a job be looked at now that was canceled, or held it: what stands behind it may be due. Returns the lane if it
 * was not due anyway.
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
        WHERE lane = (SELECT lane FROM jobs WHERE client_id = ?2 AND id = ?3 AND open IS NULL)
          AND next_at > ${NOW}
       RETURNING lane, 0 AS wait_ms`,
    )
    .bind(now, clientId, jobId);

/**
 * Find anew when the lanes of these jobs are next due, after their jobs were canceled, moved or given a new life; a lane that is held
 * is looked at by its holder. Returns those that are due sometime.
 */
export const reschedule = (
  db: D1Database,
  now: number | null,
  clientId: string,
  jobs: { from: string; to: string },
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE lanes SET next_at = ${nextAt("lanes.served_at")}
        WHERE lane IN (SELECT j.lane FROM jobs AS j WHERE j.client_id = ?2 AND j.id BETWEEN ?3 AND ?4) AND lease IS NULL
       RETURNING lane, next_at - ${NOW} AS wait_ms`,
    )
    .bind(now, clientId, jobs.from, jobs.to);

/** A lane as its holder has it: its window as X said last (JSON), what X made last for it, if new, and what of its allowances is used. */
export type HandBack = Spent & { window: string | null; newest: string | null };

/** When the lane that is given back, `m`, was last served: just now, if it used something. */
const SERVED_AT = `iif(m.column4 > 0, ${NOW}, lanes.served_at)`;

const HANDED = ["lane", "window", "newest", "calls", "money"] as const;

/** A lane of which its holder knows nothing yet, and has used nothing. */
const UNTOUCHED: Omit<HandBack, "lane"> = { window: null, newest: null, calls: 0, money: 0 };
export const untouched = (lane: string): HandBack => ({ lane, ...UNTOUCHED });

/**
 * Give lanes back. When a lane is next due is found here, in the statement that lets it go: work that came while it was held is never
 * overlooked. Behind closed gates a lane is due when they open or its first job expires, whichever is earlier.
 */
export function handBack(
  db: D1Database,
  now: number | null,
  lease: string,
  lanes: HandBack[],
): D1PreparedStatement {
  const column = (name: keyof HandBack) => JSON.stringify(lanes.map((lane) => lane[name]));
  const row = (index: number) => `(${[3, 4, 5, 6, 7].map((at) => `?${at} ->> ${index}`).join(", ")})`;
  const rows = lanes.map((_, index) => row(index)).join(",");
  return db
    .prepare(
      `UPDATE lanes SET lease = NULL, leased_until = NULL, window = coalesce(m.column2, lanes.window), newest = coalesce(m.column3, lanes.newest),
                        calls = NULL, money = NULL, carried = NULL, served_at = ${SERVED_AT},
                        next_at = ${nextAt(SERVED_AT, "m.column5 > 0")}
         FROM (VALUES ${rows}, (NULL, NULL, NULL, NULL, NULL)) AS m WHERE lanes.lane = m.column1 AND lanes.lease = ?2`,
    )
    .bind(now, lease, ...HANDED.map(column));
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
          AND (lease IS NULL OR leased_until <= ${NOW}) AND ${IS_CLOCKS}
        ORDER BY next_at, lane LIMIT ?5`,
    )
    .bind(now, withinMs, after.next_at, after.lane, limit);

/** One lane by name. */
export const find = (db: D1Database, lane: string) =>
  db.prepare("SELECT * FROM lanes WHERE lane = ?").bind(lane);
