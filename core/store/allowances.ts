import { DAY_MS, NEVER, SECOND_MS } from "#core/lib/clock";
import { namesIn, NOW, rowsIn } from "./sql.ts";
import { TODAY } from "./usage.ts";

/**
 * A row of `allowances`: how much of something may be used in a time. An X app's window of an endpoint lasts 24 hours from its
 * first call, whenever that was; a cap on money holds for a day in UTC. Who takes a lane takes a quantum with it, and gives
 * back with it what was not used; what a dead Worker took counts as used. So none is ever overrun.
 */
export type AllowanceRow = {
  name: string;
  limit: number | null;
  used: number;
  since: number;
  late_from: number;
  late: number;
  resets_at: number;
  lease: string | null;
  taken_at: number | null;
  taken: string;
  short: 0 | 1;
  /** What X has counted in it, as far as it said. */
  seen: number;
  /** 1: its limit is what the client's own database has lent for the day, and ends with it. */
  lent: 0 | 1;
};

/** The windows of X apps as they are configured: by endpoint, calls in 24 hours. */
export type AppWindows = Record<string, number>;

/** What a lane has used under its lease: calls, and micro-USD. */
export type Spent = { lane: string; calls: number; money: number };

/** A lane is given so many jobs at once; then it is the turn of others. */
export const QUANTUM = 20;

/** X's clock and ours may differ by a little, and X rounds to seconds. */
export const MARGIN_MS = 15 * SECOND_MS;

/** Due jobs of a lane: a quantum, or as many as its account's own window has left. */
const JOBS = `min((SELECT count(*) FROM (SELECT 1 FROM jobs AS h WHERE h.lane = lanes.lane AND h.open = 1 AND h.due_at <= ${NOW}
                                   LIMIT ${QUANTUM})),
                  iif(lanes.window ->> 'resets_at' > ${NOW}, max(1, lanes.window ->> 'remaining'), ${QUANTUM}))`;

/** What those jobs will cost, and the first of them alone, as JSON: read only where there is a cap. */
export const PRICES = `(SELECT json_array(sum(cost), max(iif(place = 1, cost, 0)))
  FROM (SELECT max(0, j.cost_estimated - j.cost_actual) AS cost, row_number() OVER (ORDER BY h.due_at, h.id) AS place
          FROM jobs AS h JOIN jobs AS j ON j.client_id = h.client_id AND j.id = h.id
         WHERE h.lane = lanes.lane AND h.open = 1 AND h.due_at <= ${NOW} ORDER BY h.due_at, h.id LIMIT ${QUANTUM}))`;

/** What is configured for an allowance: its name is `app:{app}:{endpoint}`. */
export const configured = (name: string, windows: string): string =>
  `(${windows} ->> ('$."' || substr(${name}, 5 + instr(substr(${name}, 5), ':')) || '"'))`;

/** How much is left; NULL: there is no limit. What was taken late in a window that is over may be of the next. */
const leftOf = (name: string, limit: string): string =>
  `coalesce((SELECT iif(a.lent AND a.resets_at <= ${NOW}, 0,
                          coalesce(a."limit", ${limit}) - iif(a.resets_at <= ${NOW}, a.late, a.used))
               FROM allowances AS a WHERE a.name = ${name}), ${limit})`;

/**
 * Its part of what is left, when the lanes that were served the longest ago are served first, each with what it `counts`. One lane
 * alone has all of it: D1 bills what a window function sorts.
 */
const share = (left: string, want: string, name: string, lanes: number, counts = want): string => {
  const before =
    lanes === 1
      ? "0"
      : `(sum(${counts}) OVER (PARTITION BY ${name} ORDER BY served_at, priced.lane) - ${counts})`;
  return `iif(${left} IS NULL, NULL, max(0, min(${want}, ${left} - ${before})))`;
};

export const OVER = `allowances.resets_at <= ${NOW}`;
/** A window that late calls may have begun has itself been over for long. */
export const LATE = `iif(allowances.resets_at + ${DAY_MS} <= ${NOW}, 0, allowances.late)`;
const LATE_FROM = `iif(${OVER}, iif(${LATE} > 0, allowances.late_from + ${DAY_MS}, excluded.late_from), allowances.late_from)`;

/**
 * Take a quantum for each of these lanes from what limits it. Comes before `lease` in the commit and is for the lanes that it
 * will take: sent again, it finds them taken. A lane whose first job cannot be paid for gets nothing, and that is noted.
 */
export const take = (
  db: D1Database,
  now: number | null,
  lease: string,
  lanes: string[],
  windows: AppWindows,
  leaseMs: number,
): D1PreparedStatement =>
  db
    .prepare(
      `WITH asked AS MATERIALIZED (
         SELECT lanes.lane, lanes.served_at, lanes.gates ->> 4 AS app, lanes.gates ->> 5 AS client, lanes.gates ->> 6 AS account,
                ${JOBS} AS jobs, ${leftOf("lanes.gates ->> 4", configured("lanes.gates ->> 4", "?4"))} AS app_left,
                ${leftOf("lanes.gates ->> 5", "NULL")} AS client_left, ${leftOf("lanes.gates ->> 6", "NULL")} AS account_left,
                iif(EXISTS (SELECT 1 FROM allowances AS a WHERE a.name = lanes.gates ->> 5)
                    OR EXISTS (SELECT 1 FROM allowances AS a WHERE a.name = lanes.gates ->> 6), ${PRICES}, NULL) AS prices
           FROM ${namesIn("?3", lanes.length)} AS m JOIN lanes ON lanes.lane = m.lane
          WHERE lanes.gates ->> 4 IS NOT NULL AND lanes.next_at <= ${NOW} AND (lanes.lease IS NULL OR lanes.leased_until <= ${NOW})),
       priced AS (
         SELECT *, coalesce(prices ->> 0, 0) AS cost, coalesce(prices ->> 1, 0) AS least,
                iif(prices ->> 1 > client_left OR prices ->> 1 > account_left, 0, coalesce(prices ->> 0, 0)) AS payable
           FROM asked WHERE jobs > 0),
       capped AS MATERIALIZED (
         SELECT lane, ${share("client_left", "cost", "client", lanes.length, "payable")} AS by_client,
                ${share("account_left", "cost", "account", lanes.length, "payable")} AS by_account FROM priced WHERE prices IS NOT NULL),
       shared AS MATERIALIZED (
         SELECT priced.*, ${share("app_left", "jobs", "app", lanes.length)} AS calls, by_client, by_account
           FROM priced LEFT JOIN capped ON capped.lane = priced.lane),
       given AS (
         SELECT *, iif(calls IS NOT 0 AND coalesce(by_client >= least, 1) AND coalesce(by_account >= least, 1), 1, 0) AS enough,
                min(coalesce(by_client, by_account), coalesce(by_account, by_client)) AS money FROM shared),
       takes AS (
         SELECT app AS name, lane, calls * enough AS amount, calls = 0 AS short FROM given WHERE calls IS NOT NULL
         UNION ALL
         SELECT client, lane, money * enough, by_client < least FROM given WHERE by_client IS NOT NULL
         UNION ALL
         SELECT account, lane, money * enough, by_account < least FROM given WHERE by_account IS NOT NULL)
       INSERT INTO allowances (name, used, since, late_from, resets_at, lease, taken_at, taken, short)
       SELECT name, sum(amount), ${NOW}, ${NOW} + ${DAY_MS} - ?5, ${NOW} + ${DAY_MS} + ?5 + ${MARGIN_MS}, ?2,
              iif(sum(amount) > 0, ${NOW}, NULL), json_group_object(lane, amount), max(short)
         FROM takes GROUP BY name HAVING sum(amount) > 0 OR max(short) = 1
           ON CONFLICT (name) DO UPDATE
          SET used = iif(${OVER}, ${LATE}, allowances.used) + excluded.used,
              "limit" = iif(${OVER} AND allowances.lent, 0, allowances."limit"),
              since = CASE WHEN NOT ${OVER} THEN allowances.since WHEN allowances.late_from = ${NEVER} THEN ${TODAY}
                           WHEN ${LATE} > 0 THEN allowances.late_from ELSE excluded.since END,
              late = iif(${OVER}, 0, allowances.late) + iif(${LATE_FROM} <= ${NOW}, excluded.used, 0),
              late_from = iif(allowances.late_from = ${NEVER}, ${NEVER}, ${LATE_FROM}), seen = iif(${OVER}, 0, allowances.seen),
              resets_at = CASE WHEN NOT ${OVER} THEN allowances.resets_at
                               WHEN allowances.late_from = ${NEVER} THEN ${TODAY} + ${DAY_MS} ELSE excluded.resets_at END,
              lease = excluded.lease, taken_at = coalesce(excluded.taken_at, allowances.taken_at), taken = excluded.taken,
              short = excluded.short`,
    )
    .bind(now, lease, JSON.stringify(lanes), JSON.stringify(windows), leaseMs);

/** What `take` gave a lane under this lease; NULL: it may use what it likes. `lanes` must be in scope. */
const GIVEN = `iif(a.lease = ?2, coalesce(a.taken ->> ('$."' || lanes.lane || '"'), 0), 0)`;
export const callsGiven = (windows: string): string =>
  `coalesce((SELECT iif(coalesce(a."limit", ${configured("a.name", windows)}) IS NULL, NULL, ${GIVEN})
               FROM allowances AS a WHERE a.name = lanes.gates ->> 4),
            iif(${configured("lanes.gates ->> 4", windows)} IS NULL, NULL, 0))`;
const moneyBy = (cap: number) =>
  `(SELECT ${GIVEN} FROM allowances AS a WHERE a.name = lanes.gates ->> ${cap})`;
export const MONEY_GIVEN = `min(coalesce(${moneyBy(5)}, ${moneyBy(6)}), coalesce(${moneyBy(6)}, ${moneyBy(5)}))`;

/**
 * Give back what leased lanes did not use of what they took; what a look cost beyond that is added. Comes before `handBack` in
 * the commit, and counts only while the lease is held: once.
 */
export const giveBack = (
  db: D1Database,
  now: number | null,
  lease: string,
  lanes: Spent[],
  leaseMs: number,
): D1PreparedStatement =>
  db
    .prepare(
      `WITH held AS (
         SELECT lanes.gates, lanes.leased_until - ?4 AS at, lanes.calls - m.calls AS calls, lanes.money - m.money AS money
           FROM ${rowsIn("?3", ["lane", "calls", "money"], lanes.length)} AS m
           JOIN lanes ON lanes.lane = m.lane AND lanes.lease = ?2),
       rest AS (
         SELECT gates ->> 4 AS name, at, calls AS amount FROM held WHERE calls <> 0
         UNION ALL SELECT gates ->> 5, at, money FROM held WHERE money <> 0
         UNION ALL SELECT gates ->> 6, at, money FROM held WHERE money <> 0)
       UPDATE allowances SET used = max(allowances.seen, allowances.used - back.amount), late = max(0, allowances.late - back.late)
         FROM (SELECT a.name, sum(rest.amount) AS amount, sum(iif(rest.at >= a.late_from, rest.amount, 0)) AS late
                 FROM rest JOIN allowances AS a ON a.name = rest.name AND rest.at >= a.since GROUP BY a.name) AS back
        WHERE allowances.name = back.name`,
    )
    .bind(now, lease, JSON.stringify(lanes), leaseMs);

/**
 * Close the gates of what was too little for these leased lanes: until it begins anew, or until nobody can give back any more.
 * Comes before `handBack` in the commit, so that it knows when the lanes are next due.
 */
export const shut = (
  db: D1Database,
  now: number | null,
  lease: string,
  lanes: string[],
  windows: AppWindows,
  leaseMs: number,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO gates (name, open_at, reason, "limit", remaining, resets_at, updated_at)
       SELECT DISTINCT a.name, iif(a.taken_at + ?5 > ${NOW}, min(a.resets_at, a.taken_at + ?5), a.resets_at),
              iif(a.late_from = ${NEVER}, 'spend_cap', 'rate_limited'), coalesce(a."limit", ${configured("a.name", "?4")}), 0,
              a.resets_at, ${NOW}
         FROM ${namesIn("?3", lanes.length)} AS m JOIN lanes ON lanes.lane = m.lane AND lanes.lease = ?2
         JOIN allowances AS a ON a.name IN (lanes.gates ->> 4, lanes.gates ->> 5, lanes.gates ->> 6) AND a.lease = ?2 AND a.short = 1
        WHERE true
           ON CONFLICT (name) DO UPDATE
          SET open_at = excluded.open_at, reason = excluded.reason, "limit" = excluded."limit", remaining = 0,
              resets_at = excluded.resets_at, updated_at = excluded.updated_at
        WHERE gates.open_at < excluded.open_at`,
    )
    .bind(now, lease, JSON.stringify(lanes), JSON.stringify(windows), leaseMs);
