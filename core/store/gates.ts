import { NEVER } from "#core/lib/clock";
import { BREAKS_AT, headOf, NOW, OPENS_AT, rowsIn } from "./sql.ts";

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
  /** Of a part of X: the faults that count now, the lane that may try it while it is shut, and when it last shut for a fault. */
  faults: number;
  probe: string | null;
  shut_at: number | null;
  /** Of an account's threads: the job that stopped short and holds what comes behind it. */
  held_by: string | null;
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
  /** When its time is over, one lane tries before all go on. */
  tried: 0 | 1;
  /** Close only while the account's token is of this version; null: whatever it is. */
  token_version: number | null;
};

const FIRST_BACKOFF_MS = 30_000;
export const LONGEST_BACKOFF_MS = 900_000;

/**
 * How often in a row a gate had to back off. One that closes again within 15 minutes of its last opening has not recovered;
 * calls that were under way when it closed say nothing new, and a time that X named is no failure.
 */
const FAILURES = `CASE WHEN excluded.resets_at IS NOT NULL THEN 0 WHEN gates.open_at > ${NOW} THEN max(gates.failures, 1)
  WHEN gates.open_at > ${NOW} - ${LONGEST_BACKOFF_MS} THEN gates.failures + 1 ELSE 1 END`;

/** When a gate that failed so often in a row opens again. */
export const backoff = (failures: string): string =>
  `${NOW} + min(${LONGEST_BACKOFF_MS}, ${FIRST_BACKOFF_MS} * (1 << min((${failures}) - 1, 10)))`;

const LATER = `iif(excluded.resets_at IS NULL, ${backoff(FAILURES)}, excluded.open_at)`;

/** What closing a gate does to one that is there: an already later opening stays, with its reason. */
export const ON_CLOSE = `ON CONFLICT (name) DO UPDATE
          SET open_at = max(gates.open_at, ${LATER}), reason = iif(gates.open_at > ${LATER}, gates.reason, excluded.reason),
              faults = max(gates.faults, excluded.faults), probe = iif(excluded.faults > 0, NULL, gates.probe),
              failures = ${FAILURES}, "limit" = excluded."limit",
              remaining = excluded.remaining, resets_at = excluded.resets_at, updated_at = excluded.updated_at`;

/**
 * Close gates. Comes before the jobs' endings in a commit and counts only while each job still runs under its lease, so a
 * commit that is sent twice closes once.
 */
export const close = (db: D1Database, now: number | null, closings: Closing[]): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO gates (name, open_at, reason, failures, faults, "limit", remaining, resets_at, updated_at)
       SELECT replace(c.name, '{app}', coalesce(lanes.app_id, '')), coalesce(${NOW} + c.opens_in_ms, ${backoff("1")}),
              c.reason, c.opens_in_ms IS NULL, c.tried * ${BREAKS_AT}, c."limit", c.remaining, ${NOW} + c.opens_in_ms, ${NOW}
         FROM (SELECT value ->> 'name' AS name, value ->> 'reason' AS reason, value ->> 'opens_in_ms' AS opens_in_ms,
                      value ->> 'limit' AS "limit", value ->> 'remaining' AS remaining,
                      value ->> 'client_id' AS client_id, value ->> 'job_id' AS job_id, value ->> 'lease' AS lease,
                      value ->> 'token_version' AS token_version, value ->> 'tried' AS tried
                 FROM json_each(?2)) AS c
         JOIN jobs ON jobs.client_id = c.client_id AND jobs.id = c.job_id AND jobs.lease = c.lease
         LEFT JOIN lanes ON lanes.lane = jobs.lane
        WHERE c.token_version IS NULL
           OR c.token_version = (SELECT accounts.token_version FROM accounts WHERE accounts.id = jobs.account_id)
           ${ON_CLOSE}`,
    )
    .bind(now, JSON.stringify(closings));

/** A job that stops short of its end, and holds what comes behind it. */
export type Hold = Pick<Closing, "client_id" | "job_id" | "lease">;

/** Hold what accounts would post, until the clients of these jobs decide. Comes before the jobs' endings, as `close` does. */
export const hold = (db: D1Database, now: number | null, holds: Hold[]): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO gates (name, open_at, reason, failures, updated_at, held_by)
       SELECT 'thread:' || jobs.account_id, ${NEVER}, 'thread_held', 0, ${NOW}, jobs.id
         FROM ${rowsIn("?2", ["client_id", "job_id", "lease"], holds.length)} AS h
         JOIN jobs ON jobs.client_id = h.client_id AND jobs.id = h.job_id AND jobs.lease = h.lease
        WHERE true
           ON CONFLICT (name) DO UPDATE
          SET open_at = excluded.open_at, reason = excluded.reason, updated_at = excluded.updated_at,
              held_by = excluded.held_by`,
    )
    .bind(now, JSON.stringify(holds));

const releaseIf = (condition: string) => (db: D1Database, clientId: string, jobIds: string[]) =>
  db
    .prepare(
      `DELETE FROM gates WHERE (name, held_by) IN (
         SELECT 'thread:' || j.account_id, j.id FROM json_each(?2) AS m JOIN jobs AS j ON j.client_id = ?1 AND j.id = m.value
          WHERE ${condition}) RETURNING name`,
    )
    .bind(clientId, JSON.stringify(jobIds));

/** Hold nothing any more for jobs that stopped short and now go on. Comes behind what lets them. */
export const release = releaseIf("j.open = 1 OR j.state = 'succeeded'");

/** Hold nothing any more for jobs that stopped short and are left as they are. */
export const letGo = releaseIf("j.open IS NULL");

/** The gates of some lanes that are closed now, each with its lane: also that of the reads, while it waits for a look. */
export const closedFor = (db: D1Database, now: number | null, lanes: string[]): D1PreparedStatement =>
  db
    .prepare(
      `SELECT lanes.lane, gates.name, gates.reason, max(${OPENS_AT}, ${NOW}) AS open_at
         FROM json_each(?2) AS m JOIN lanes ON lanes.lane = m.value
         LEFT JOIN jobs ON jobs.client_id = lanes.client_id AND jobs.id = ${headOf("lanes.lane")} AND jobs.state = 'unknown',
              json_each(iif(jobs.id IS NULL, lanes.gates, json_insert(lanes.gates, '$[#]', 'x:reads'))) AS name
         JOIN gates ON gates.name = name.value
        WHERE (gates.open_at > ${NOW} OR gates.faults >= ${BREAKS_AT}) AND gates.probe IS NOT lanes.lane`,
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

/**
 * Close the gate of an account that is paused, until it is resumed. One that its user must open stays as it is; what else may have
 * closed it opens by itself, and is met again. Repeatable.
 */
export const pause = (db: D1Database, now: number | null, accountId: string): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO gates (name, open_at, reason, failures, updated_at)
       SELECT 'account:' || id, ${NEVER}, 'paused', 0, ${NOW} FROM accounts WHERE id = ?2 AND paused_at IS NOT NULL
           ON CONFLICT (name) DO UPDATE
          SET open_at = excluded.open_at, reason = excluded.reason, failures = 0, resets_at = NULL,
              updated_at = excluded.updated_at
        WHERE gates.reason NOT IN ('reconnect', 'disconnected')`,
    )
    .bind(now, accountId);

/** Open the gate of an account that was only paused. */
export const resume = (db: D1Database, accountId: string): D1PreparedStatement =>
  db.prepare("DELETE FROM gates WHERE name = 'account:' || ? AND reason = 'paused'").bind(accountId);

/** Open the gate of an account that only waited for a token. */
export const openForToken = (db: D1Database, accountId: string): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM gates WHERE name = 'account:' || ?
          AND reason IN ('refreshing', 'token_expired', 'token_rejected', 'token_unavailable')`,
    )
    .bind(accountId);

/** Close a gate until somebody opens it. Repeatable. */
export const shut = (db: D1Database, now: number | null, name: string, reason: string): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO gates (name, open_at, reason, failures, updated_at) VALUES (?2, ${NEVER}, ?3, 0, ${NOW})
           ON CONFLICT (name) DO UPDATE
          SET open_at = excluded.open_at, reason = excluded.reason, failures = 0, faults = 0, probe = NULL,
              updated_at = excluded.updated_at`,
    )
    .bind(now, name, reason);

/** Open a gate, and forget what it counted. */
export const remove = (db: D1Database, name: string): D1PreparedStatement =>
  db.prepare("DELETE FROM gates WHERE name = ?").bind(name);

/** Open the gates of an account, whatever closed them: its user has just reconnected it. */
export const openAccount = (db: D1Database, accountId: string): D1PreparedStatement =>
  db.prepare("DELETE FROM gates WHERE name = 'account:' || ?").bind(accountId);
