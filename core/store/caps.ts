import { DAY_MS, NEVER } from "#core/lib/clock";
import { PRICES } from "./allowances.ts";
import { headOf, namesIn, NOW } from "./sql.ts";
import { TODAY } from "./usage.ts";

/**
 * The rows of `allowances` that are caps on money, which a client sets, by the day in UTC. That of an account stands on its
 * database; that of a client on the client's own, where `used` holds also what it has lent for the day to the rows of the
 * others (`lent`), so that together they never have more than the cap.
 */
export type Capped = { client_id: string; account_id: string | null; lane_names: readonly string[] };

/** The name of a cap, and of the gate that it closes. */
export const capName = (id: string): string => `spend:${id}`;

const nameOf = ({ client_id, account_id }: Capped): string => capName(account_id ?? client_id);
const bindOf = (now: number | null, whose: Capped) =>
  [now, whose.client_id, whose.account_id, JSON.stringify(whose.lane_names), nameOf(whose)] as const;

const ACCOUNTS = "(SELECT id FROM accounts WHERE client_id = ?2 AND (?3 IS NULL OR id = ?3))";

/** The lanes that spend it here (`?2` the client, `?3` the account, `?4` their names): each medium that is being sent has one of its own. */
export const LANES = `SELECT n.value || ':' || a.id AS lane FROM ${ACCOUNTS} AS a CROSS JOIN json_each(?4) AS n
  UNION SELECT j.lane FROM ${ACCOUNTS} AS a JOIN media_bindings AS b ON b.account_id = a.id
          JOIN jobs AS j ON j.client_id = b.client_id AND j.id = b.job_id AND j.open = 1`;

/** What was spent here today, and what X may be billing for what is under way. */
const SPENT = `(coalesce((SELECT sum(cost) FROM usage WHERE client_id = ?2 AND day = ${TODAY} AND (?3 IS NULL OR account_id = ?3)), 0)
  + coalesce((SELECT sum(max(0, j.cost_estimated - j.cost_actual)) FROM (${LANES}) AS l
                JOIN jobs AS j ON j.client_id = ?2 AND j.id = ${headOf("l.lane")} AND j.state IN ('running', 'unknown')), 0))`;

const OVER = `allowances.resets_at <= ${NOW}`;
const SAME_DAY = `since = iif(${OVER}, ${TODAY}, allowances.since), resets_at = iif(${OVER}, ${TODAY} + ${DAY_MS}, allowances.resets_at)`;

const insertion = (limit: string, lent: 0 | 1): string =>
  `INSERT INTO allowances (name, "limit", used, since, late_from, resets_at, lent)
   SELECT ?5, ${limit}, spent, ${NOW}, ${NEVER}, ${TODAY} + ${DAY_MS}, ${lent} FROM (SELECT ${SPENT} AS spent) WHERE true`;

/** Set the cap of an account. What it has spent today counts. */
export const put = (db: D1Database, now: number | null, whose: Capped, limit: number): D1PreparedStatement =>
  db
    .prepare(`${insertion("?6", 0)} ON CONFLICT (name) DO UPDATE SET "limit" = excluded."limit", short = 0`)
    .bind(...bindOf(now, whose), limit);

/** Begin to set the cap of a client, on its own database: nothing more than before may be spent until `settle`. */
export const begin = (db: D1Database, now: number | null, whose: Capped, limit: number) =>
  db
    .prepare(`${insertion("0", 0)} ON CONFLICT (name) DO UPDATE SET "limit" = min(allowances."limit", ?6)`)
    .bind(...bindOf(now, whose), limit);

/** The same on another database: what it was lent and has not used is forfeited. Returns what was used there today. */
export const beginAway = (db: D1Database, now: number | null, whose: Capped): D1PreparedStatement =>
  db
    .prepare(
      `${insertion("spent", 1)} ON CONFLICT (name) DO UPDATE
          SET "limit" = iif(${OVER}, 0, min(allowances."limit", allowances.used)), used = iif(${OVER}, 0, allowances.used),
              ${SAME_DAY}, short = 0, lent = 1
       RETURNING used`,
    )
    .bind(...bindOf(now, whose));

/** Nothing was lent yet to a database on which the client has had no account: a row for the first one. Repeatable. */
export const follow = (db: D1Database, now: number | null, clientId: string): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO allowances (name, "limit", used, since, late_from, resets_at, lent)
       VALUES (?2, 0, 0, ${NOW}, ${NEVER}, ${TODAY} + ${DAY_MS}, 1) ON CONFLICT (name) DO NOTHING`,
    )
    .bind(now, capName(clientId));

/** The cap of a client holds from now on, as its row says; `elsewhere` is what was used on other databases. Repeatable. */
export const settle = (db: D1Database, now: number | null, whose: Capped, elsewhere: number) =>
  db
    .prepare(
      `UPDATE allowances SET "limit" = c.daily_cap, used = max(iif(${OVER}, 0, used), ${SPENT} + ?6), ${SAME_DAY}, short = 0
         FROM (SELECT daily_cap FROM clients WHERE id = ?2) AS c WHERE name = ?5 AND c.daily_cap IS NOT NULL`,
    )
    .bind(...bindOf(now, whose), elsewhere);

/** Who holds a lane took it without this cap: it claims nothing more. */
export const stop = (db: D1Database, now: number | null, whose: Capped): D1PreparedStatement =>
  db
    .prepare(`UPDATE lanes SET money = 0 WHERE lease IS NOT NULL AND lane IN (${LANES})`)
    .bind(...bindOf(now, whose).slice(0, 4));

/** Take the cap away. */
export const remove = (db: D1Database, whose: Capped): D1PreparedStatement =>
  db.prepare("DELETE FROM allowances WHERE name = ?").bind(nameOf(whose));

/** What is left of a cap. */
const LEFT = `("limit" - iif(${OVER}, 0, used))`;

/** What one database has lent to another, and when the day that it is for ends. */
export type Loan = { amount: number; resets_at: number };

/** Let what waits behind the gate of the cap be looked at now. Comes before `open`; returns the lanes. */
export const hurry = (db: D1Database, now: number | null, whose: Capped): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE lanes SET next_at = ${NOW}
        WHERE next_at > ${NOW} AND lane IN (${LANES}) AND EXISTS (SELECT 1 FROM gates WHERE name = ?5)
       RETURNING lane, 0 AS wait_ms`,
    )
    .bind(...bindOf(now, whose));

export const open = (db: D1Database, whose: Capped): D1PreparedStatement =>
  db.prepare("DELETE FROM gates WHERE name = ?").bind(nameOf(whose));

/** What a client's lanes on a database lack of what it was lent: for all that is due, and for one job at least. */
export type Shortage = { client_id: string; want: number; least: number };

/** What these lanes, which were given too little, lack of what was lent to their database. */
export const shortages = (db: D1Database, now: number | null, lanes: string[]): D1PreparedStatement =>
  db
    .prepare(
      `SELECT client_id, sum(prices ->> 0) - rest AS want, min(prices ->> 1) - rest AS least
         FROM (SELECT lanes.client_id, ${PRICES} AS prices, max(0, a."limit" - a.used) AS rest
                 FROM ${namesIn("?2", lanes.length)} AS m JOIN lanes ON lanes.lane = m.lane
                 JOIN allowances AS a ON a.name = lanes.gates ->> 5 AND a.lent = 1 AND a.short = 1)
        WHERE prices ->> 1 > rest GROUP BY client_id, rest`,
    )
    .bind(now, JSON.stringify(lanes));

/**
 * Lend of a client's cap, on its own database: as much as is wanted if there is as much, but at least so much. Returns what was
 * lent and until when it is good, or no row. Sent again, it lends again: what is lost on the way is lost for the day.
 */
export const lend = (db: D1Database, now: number | null, { client_id, want, least }: Shortage) =>
  db
    .prepare(
      `UPDATE allowances SET used = iif(${OVER}, 0, used) + min(?3, ${LEFT}), ${SAME_DAY},
                             taken = json_object('lent', min(?3, ${LEFT}))
        WHERE name = ?2 AND lent = 0 AND ${LEFT} >= ?4 RETURNING taken ->> 'lent' AS amount, resets_at`,
    )
    .bind(now, capName(client_id), Math.max(want, least), least);

/** Add what was lent to what may be spent on this database on that day. */
export const receive = (db: D1Database, clientId: string, { amount, resets_at }: Loan): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE allowances SET "limit" = "limit" + ?2, short = 0 WHERE name = ?1 AND lent = 1 AND resets_at = ?3`,
    )
    .bind(capName(clientId), amount, resets_at);
