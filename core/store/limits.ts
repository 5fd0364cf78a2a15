import { capName, LANES } from "./caps.ts";
import type { GateRow } from "./gates.ts";
import { NOW, OPENS_AT } from "./sql.ts";

// What there is to know of what limits an account: nothing is changed by asking.

/** No more jobs of a lane are counted. */
export const COUNTS = 10_000;

export type Whose = { id: string; client_id: string; app_id: string };

/** A lane of the account, what it keeps to, and how many of its jobs are due. */
export type LimitedLane = { lane: string; gates: string; window: string | null; jobs: number };

export const lanes = (
  db: D1Database,
  now: number | null,
  account: Whose,
  laneNames: readonly string[],
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT lanes.lane, lanes.gates, lanes.window,
              (SELECT count(*) FROM (SELECT 1 FROM jobs AS h WHERE h.lane = lanes.lane AND h.open = 1 AND h.due_at <= ${NOW}
                                      LIMIT ${COUNTS})) AS jobs
         FROM lanes WHERE lane IN (${LANES})`,
    )
    .bind(now, account.client_id, account.id, JSON.stringify(laneNames));

/** A gate that is closed; `open_at`: until when. */
export type ClosedLimit = Pick<GateRow, "name" | "reason" | "open_at" | "limit" | "remaining" | "resets_at">;

/** Everything that begins so. */
const isUnder = (column: string, parameter: string): string =>
  `(${column} > ${parameter} AND ${column} < substr(${parameter}, 1, length(${parameter}) - 1) || ';')`;

/** The closed gates of the account: its own, its windows, its app, that app's windows, its thread, its caps. */
export const closed = (db: D1Database, now: number | null, { id, client_id, app_id }: Whose) =>
  db
    .prepare(
      `SELECT name, reason, ${OPENS_AT} AS open_at, "limit", remaining, resets_at FROM gates
        WHERE open_at > ${NOW} AND (name IN (SELECT value FROM json_each(?2)) OR ${isUnder("name", "?3")} OR ${isUnder("name", "?4")})`,
    )
    .bind(
      now,
      JSON.stringify([`app:${app_id}`, `account:${id}`, `thread:${id}`, capName(id), capName(client_id)]),
      `window:${id}:`,
      `app:${app_id}:`,
    );

/** The allowances of its app and itself. */
export const allowances = (db: D1Database, { id, app_id }: Whose): D1PreparedStatement =>
  db
    .prepare(`SELECT * FROM allowances WHERE name = ?1 OR ${isUnder("name", "?2")}`)
    .bind(capName(id), `app:${app_id}:`);

/** The cap of its client, on the client's own database. */
export const clientCap = (db: D1Database, clientId: string): D1PreparedStatement =>
  db.prepare("SELECT * FROM allowances WHERE name = ? AND lent = 0").bind(capName(clientId));
