import { JOBS_LOOKED_AT, LOOKS_AT } from "./status.ts";
import { NOW } from "./sql.ts";

/** The lowest of what is left in the windows of accounts, by the part of their lanes' names before the colon. */
export type WindowRow = { lane: string; remaining: number };

/** Of the lanes that are due first, as far as LOOKS_AT goes. A window that is over is full again. */
export const windows = (db: D1Database, now: number | null): D1PreparedStatement =>
  db
    .prepare(
      `SELECT substr(lane, 1, instr(lane, ':') - 1) AS lane, min(window ->> 'remaining') AS remaining
         FROM (SELECT lane, window FROM lanes INDEXED BY lanes_by_next_at WHERE next_at IS NOT NULL
                ORDER BY next_at, lane LIMIT ${LOOKS_AT})
        WHERE window ->> 'resets_at' > ${NOW} GROUP BY 1`,
    )
    .bind(now);

/** What is left to an X app. `remaining` is null where only the configuration says how much there is, and `used` of that is gone. */
export type AppWindowRow = { name: string; limit: number | null; used: number };

/** The 24 hours of X apps that have begun: a row for each app and endpoint. */
export const appWindows = (db: D1Database, now: number | null): D1PreparedStatement =>
  db
    .prepare(
      `SELECT name, "limit", iif(resets_at <= ${NOW}, late, used) AS used FROM allowances
        WHERE name > 'app:' AND name < 'app;' ORDER BY name LIMIT ${LOOKS_AT}`,
    )
    .bind(now);

/** How many accounts must be connected again, as far as LOOKS_AT goes. */
export const toReconnect = (db: D1Database): D1PreparedStatement =>
  db.prepare(
    `SELECT count(*) AS count FROM (SELECT 1 FROM accounts INDEXED BY accounts_to_reconnect
      WHERE state = 'reconnect_required' LIMIT ${LOOKS_AT})`,
  );

/** Open jobs by the part of their lanes' names before the colon. */
export type OpenRow = { lane: string; jobs: number };

/** From the index alone, as far as JOBS_LOOKED_AT goes. */
export const open = (db: D1Database): D1PreparedStatement =>
  db.prepare(
    `SELECT substr(lane, 1, instr(lane, ':') - 1) AS lane, count(*) AS jobs
       FROM (SELECT lane FROM jobs INDEXED BY jobs_open_by_lane WHERE open = 1 LIMIT ${JOBS_LOOKED_AT}) GROUP BY 1`,
  );
