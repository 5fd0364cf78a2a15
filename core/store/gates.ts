import { NEVER } from "#core/lib/clock";
import { NOW } from "./sql.ts";

/** A row of `gates`. A gate is closed until `open_at` (epoch ms); one without a row is open. */
export type GateRow = {
  name: string;
  open_at: number;
  reason: string;
  failures: number;
  limit: number | null;
  remaining: number | null;
  resets_at: number | null;
  updated_at: number;
};

/**
 * Close a gate for `opens_in_ms` because of what a running job met; null: 30 s, doubling to 15 min while it keeps happening.
 * `{app}` in `name` stands for the lane's app.
 */
export type Closing = {
  name: string;
  reason: string;
  opens_in_ms: number | null;
  limit: number | null;
  remaining: number | null;
  client_id: string;
  job_id: string;
  lease: string;
  /** Close only while the account's token is of this version; null: whatever it is. */
  token_version: number | null;
};

const FIRST_BACKOFF_MS = 30_000;
const LONGEST_BACKOFF_MS = 900_000;

/**
 * How often in a row a gate had to back off. One that closes again within 15 minutes of its last opening has not recovered;
 * calls that were under way when it closed say nothing new, and a time that X named is no failure.
 */
const FAILURES = `CASE WHEN excluded.resets_at IS NOT NULL THEN 0 WHEN gates.open_at > ${NOW} THEN max(gates.failures, 1)
  WHEN gates.open_at > ${NOW} - ${LONGEST_BACKOFF_MS} THEN gates.failures + 1 ELSE 1 END`;

const backoff = (failures: string): string =>
  `${NOW} + min(${LONGEST_BACKOFF_MS}, ${FIRST_BACKOFF_MS} * (1 << min((${failures}) - 1, 10)))`;

const LATER = `iif(excluded.resets_at IS NULL, ${backoff(FAILURES)}, excluded.open_at)`;

/**
 * Close gates. Comes before the jobs' endings in a commit and counts only while each job still runs under its lease, so a
 * commit that is sent twice closes once. An already later opening stays, with its reason.
 */
export const close = (db: D1Database, now: number | null, closings: Closing[]): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO gates (name, open_at, reason, failures, "limit", remaining, resets_at, updated_at)
       SELECT replace(c.name, '{app}', coalesce(lanes.app_id, '')), coalesce(${NOW} + c.opens_in_ms, ${backoff("1")}),
              c.reason, c.opens_in_ms IS NULL, c."limit", c.remaining, ${NOW} + c.opens_in_ms, ${NOW}
         FROM (SELECT value ->> 'name' AS name, value ->> 'reason' AS reason, value ->> 'opens_in_ms' AS opens_in_ms,
                      value ->> 'limit' AS "limit", value ->> 'remaining' AS remaining,
                      value ->> 'client_id' AS client_id, value ->> 'job_id' AS job_id, value ->> 'lease' AS lease,
                      value ->> 'token_version' AS token_version
                 FROM json_each(?2)) AS c
         JOIN jobs ON jobs.client_id = c.client_id AND jobs.id = c.job_id AND jobs.lease = c.lease
         LEFT JOIN lanes ON lanes.lane = jobs.lane
        WHERE c.token_version IS NULL
           OR c.token_version = (SELECT accounts.token_version FROM accounts WHERE accounts.id = jobs.account_id)
           ON CONFLICT (name) DO UPDATE
          SET open_at = max(gates.open_at, ${LATER}), reason = iif(gates.open_at > ${LATER}, gates.reason, excluded.reason),
              failures = ${FAILURES}, "limit" = excluded."limit",
              remaining = excluded.remaining, resets_at = excluded.resets_at, updated_at = excluded.updated_at`,
    )
    .bind(now, JSON.stringify(closings));

/** The gates of some lanes that are closed now, each with its lane. */
export const closedFor = (db: D1Database, now: number | null, lanes: string[]): D1PreparedStatement =>
  db
    .prepare(
      `SELECT lanes.lane, gates.name, gates.reason, gates.open_at
         FROM json_each(?2) AS m JOIN lanes ON lanes.lane = m.value, json_each(lanes.gates) AS name
         JOIN gates ON gates.name = name.value WHERE gates.open_at > ${NOW}`,
    )
    .bind(now, JSON.stringify(lanes));

/** Close the gate of an account that is in that state, until somebody connects it again. Repeatable. */
export const shutAccount = (
  db: D1Database,
  now: number | null,
  accountId: string,
  shut: { state: "reconnect_required" | "disconnected"; reason: string },
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO gates (name, open_at, reason, failures, updated_at)
       SELECT 'account:' || id, ${NEVER}, ?4, 0, ${NOW} FROM accounts WHERE id = ?2 AND state = ?3
           ON CONFLICT (name) DO UPDATE
          SET open_at = excluded.open_at, reason = excluded.reason, failures = 0, resets_at = NULL,
              updated_at = excluded.updated_at`,
    )
    .bind(now, accountId, shut.state, shut.reason);

/** Open the gate of an account that only waited for a token. */
export const openForToken = (db: D1Database, accountId: string): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM gates WHERE name = 'account:' || ?
          AND reason IN ('refreshing', 'token_expired', 'token_rejected', 'token_unavailable')`,
    )
    .bind(accountId);

/** Open the gates of an account, whatever closed them: its user has just reconnected it. */
export const openAccount = (db: D1Database, accountId: string): D1PreparedStatement =>
  db.prepare("DELETE FROM gates WHERE name = 'account:' || ?").bind(accountId);
