import { BREAKS_AT, headOf, NOW, OPENS_AT } from "./sql.ts";

/** Whose: of one client, as far as these accounts go (null: all of them); null: everybody's. */
export type Whose = { client_id: string; accounts: readonly string[] | null } | null;

/** How many lanes (of a client: accounts), open jobs, and jobs that came to nothing are looked at. */
export const LOOKS_AT = 1000;
export const JOBS_LOOKED_AT = 10_000;

/** What is known of a part of X. `shut_at`: when it was last shut for its faults. */
export type PartRow = {
  name: string;
  state: "well" | "out_of_order" | "probing";
  reason: string;
  faults: number;
  open_at: number;
  shut_at: number | null;
};

/** The gates of parts of X. One without a row is well. */
export const parts = (db: D1Database, now: number | null, names: readonly string[]): D1PreparedStatement =>
  db
    .prepare(
      `SELECT name, reason, faults, open_at, shut_at,
              CASE WHEN faults >= ${BREAKS_AT} AND (probe IS NOT NULL OR open_at <= ${NOW}) THEN 'probing'
                   WHEN faults >= ${BREAKS_AT} OR open_at > ${NOW} THEN 'out_of_order' ELSE 'well' END AS state
         FROM gates WHERE name IN (SELECT value FROM json_each(?2))`,
    )
    .bind(now, JSON.stringify(names));

/** Lanes with something to do: of everybody those that are due first; of a client those of its accounts, by their names. */
const lanesOf = (whose: Whose): string =>
  whose === null
    ? `(SELECT * FROM lanes INDEXED BY lanes_by_next_at WHERE next_at IS NOT NULL AND ?2 IS NOT NULL
         ORDER BY next_at, lane LIMIT ${LOOKS_AT})`
    : `(SELECT l.* FROM ${ACCOUNTS} AS a CROSS JOIN json_each(?2) AS n
          CROSS JOIN lanes AS l ON l.lane = n.value || ':' || a.id WHERE l.next_at IS NOT NULL)`;

const ACCOUNTS = `(SELECT id FROM accounts INDEXED BY accounts_by_client WHERE client_id = ?3
  AND (?4 IS NULL OR id IN (SELECT value FROM json_each(?4))) ORDER BY id LIMIT ${LOOKS_AT})`;

const bindOf = (now: number | null, laneNames: readonly string[], whose: Whose) => [
  now,
  JSON.stringify(laneNames),
  ...(whose === null
    ? []
    : [whose.client_id, whose.accounts === null ? null : JSON.stringify(whose.accounts)]),
];

/** A closed gate and the lanes behind it: JSON, a list of names. */
export type ClosedRow = { name: string; reason: string; open_at: number; lanes: string };

/** The closed gates of lanes that have something to do. `laneNames`: the part of their names before the account. */
export const closed = (
  db: D1Database,
  now: number | null,
  laneNames: readonly string[],
  whose: Whose,
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT gates.name, gates.reason, max(${OPENS_AT}, ${NOW}) AS open_at, json_group_array(w.lane) AS lanes
         FROM ${lanesOf(whose)} AS w
         LEFT JOIN jobs ON jobs.client_id = w.client_id AND jobs.id = ${headOf("w.lane")} AND jobs.state = 'unknown'
        CROSS JOIN json_each(iif(jobs.id IS NULL, w.gates, json_insert(w.gates, '$[#]', 'x:reads'))) AS g
        CROSS JOIN gates ON gates.name = g.value
        WHERE (gates.open_at > ${NOW} OR gates.faults >= ${BREAKS_AT}) AND gates.probe IS NOT w.lane
        GROUP BY gates.name, gates.reason, gates.open_at`,
    )
    .bind(...bindOf(now, laneNames, whose));

/** Lanes that are due and that nobody works on, by the part of their names before the colon; the longest wait of one. */
export type DueRow = { lane: string; lanes: number; late_ms: number };

export const due = (
  db: D1Database,
  now: number | null,
  laneNames: readonly string[],
  whose: Whose,
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT substr(w.lane, 1, instr(w.lane, ':') - 1) AS lane, count(*) AS lanes, ${NOW} - min(w.next_at) AS late_ms
         FROM ${lanesOf(whose)} AS w
        WHERE w.next_at <= ${NOW} AND (w.lease IS NULL OR w.leased_until <= ${NOW})
        GROUP BY substr(w.lane, 1, instr(w.lane, ':') - 1)`,
    )
    .bind(...bindOf(now, laneNames, whose));

/** How many lanes (of a client: accounts) the two above look at. As many as LOOKS_AT: there may be more. */
export const looked = (db: D1Database, whose: Whose): D1PreparedStatement =>
  whose === null
    ? db.prepare(
        `SELECT count(*) AS count FROM (SELECT 1 FROM lanes INDEXED BY lanes_by_next_at WHERE next_at IS NOT NULL LIMIT ${LOOKS_AT})`,
      )
    : db
        .prepare(
          `SELECT count(*) AS count FROM (SELECT 1 FROM accounts INDEXED BY accounts_by_client WHERE client_id = ? LIMIT ${LOOKS_AT})`,
        )
        .bind(whose.client_id);

/** How many jobs wait in lanes, as far as JOBS_LOOKED_AT goes. */
export const waiting = (db: D1Database, lanes: readonly string[]): D1PreparedStatement =>
  db
    .prepare(
      `SELECT lane, count(*) AS jobs
         FROM (SELECT j.lane FROM json_each(?) AS m
                CROSS JOIN jobs AS j INDEXED BY jobs_open_by_lane ON j.lane = m.value AND j.open = 1 LIMIT ${JOBS_LOOKED_AT})
        GROUP BY lane`,
    )
    .bind(JSON.stringify(lanes));

const CAME_TO_NOTHING = {
  dead: "INDEXED BY jobs_dead WHERE state = 'dead'",
  parked: "INDEXED BY jobs_parked WHERE state = 'unknown' AND open IS NULL",
};

/** How many jobs are dead, or parked, and how many were looked at for that. */
export type Counted = { count: number; looked: number };

export const count = (
  db: D1Database,
  which: keyof typeof CAME_TO_NOTHING,
  hidden: readonly string[],
  whose: Whose,
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT count(*) AS looked,
              coalesce(sum(kind NOT IN (SELECT value FROM json_each(?1))
                           AND (?3 IS NULL OR account_id IN (SELECT value FROM json_each(?3)))), 0) AS count
         FROM (SELECT kind, account_id FROM jobs ${CAME_TO_NOTHING[which]} AND ${whose === null ? "?2 IS NULL" : "client_id = ?2"} LIMIT ${LOOKS_AT})`,
    )
    .bind(
      JSON.stringify(hidden),
      whose?.client_id ?? null,
      whose?.accounts == null ? null : JSON.stringify(whose.accounts),
    );

/** How many uploads there are whose bytes should have gone longer than `ms` ago, the longest ago first. */
export const countOrphans = (
  db: D1Database,
  now: number | null,
  ms: number,
  whose: Whose,
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT count(*) AS looked,
              coalesce(sum(cleared_at IS NULL AND (?3 IS NULL OR client_id = ?3)
                           AND (?4 IS NULL OR account_id IN (SELECT value FROM json_each(?4)))), 0) AS count
         FROM (SELECT * FROM uploads WHERE expires_at <= ${NOW} - ?2 ORDER BY expires_at, id LIMIT ${LOOKS_AT})`,
    )
    .bind(now, ms, whose?.client_id ?? null, whose?.accounts == null ? null : JSON.stringify(whose.accounts));
