import { headOf, NOW } from "./sql.ts";

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
              replace(replace(m.value ->> 'gates', '{app}', a.app_id), '{account}', a.id), min(j.due_at)
         FROM json_each(?2) AS m
         JOIN jobs AS j ON j.client_id = m.value ->> 'client_id' AND j.id = m.value ->> 'id' AND j.open = 1
         JOIN accounts AS a ON a.id = j.account_id
        GROUP BY j.lane
       HAVING true
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
        WHERE lane IN (SELECT value FROM json_each(?3)) AND next_at <= ${NOW}
          AND (lease IS NULL OR leased_until <= ${NOW})`,
    )
    .bind(now, id, JSON.stringify(lanes), lastsMs);

/** How lanes stand: who holds them, and when they next have something to do, as ms from now. */
export type LaneState = Pick<LaneRow, "lane" | "next_at"> & {
  held: 0 | 1;
  mine: 0 | 1;
  wait_ms: number | null;
};

/** Look at lanes by name. `held`: by a live lease. */
export const states = (
  db: D1Database,
  now: number | null,
  lease: string,
  lanes: string[],
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT lane, next_at, next_at - ${NOW} AS wait_ms, lease IS NOT NULL AND leased_until > ${NOW} AS held,
              lease IS ?2 AND leased_until > ${NOW} AS mine
         FROM lanes WHERE lane IN (SELECT value FROM json_each(?3))`,
    )
    .bind(now, lease, JSON.stringify(lanes));

/**
 * Give lanes back. When a lane is next due is found here, in the statement that lets it go, from its first job and its
 * gates: work that came while it was held is never overlooked. Behind closed gates a lane is due when they open or its
 * first job expires, whichever is earlier.
 */
export const handBack = (
  db: D1Database,
  now: number | null,
  lease: string,
  lanes: { lane: string; window: string | null }[],
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE lanes SET lease = NULL, leased_until = NULL, window = coalesce(m.window, lanes.window),
              next_at = (
                SELECT min(
                  iif(j.state = 'unknown', 9e15, j.expires_at),
                  max(j.due_at, coalesce(j.next_attempt_at, 0), coalesce((
                    SELECT max(gates.open_at) FROM json_each(lanes.gates) AS name JOIN gates ON gates.name = name.value
                     WHERE gates.open_at > ${NOW}), 0)))
                  FROM jobs AS j WHERE j.client_id = lanes.client_id AND j.id = ${headOf("lanes.lane")})
         FROM (SELECT value ->> 'lane' AS lane, value ->> 'window' AS window FROM json_each(?3)) AS m
        WHERE lanes.lane = m.lane AND lanes.lease = ?2`,
    )
    .bind(now, lease, JSON.stringify(lanes));

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
