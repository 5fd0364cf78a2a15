import { NOW } from "./sql.ts";

export type AccountState = "connected" | "reconnect_required" | "disconnected";

/** A row of `accounts`: an X user connected by a client. `token` is the sealed pair; `scopes`, `metadata` JSON text. */
export type AccountRow = {
  id: string;
  client_id: string;
  app_id: string;
  x_user_id: string;
  username: string;
  name: string;
  scopes: string;
  state: AccountState;
  token: string | null;
  token_version: number;
  token_expires_at: number | null;
  token_issued_at: number;
  token_origin: "connect" | "refresh";
  /** When the clock asks for a refresh, or null when there is nothing to refresh with. */
  refresh_at: number | null;
  metadata: string | null;
  /** Since when its client wants nothing of it sent. */
  paused_at: number | null;
  /** What it may cost in a day (UTC), in micro-USD; null: as much as it likes. */
  daily_cap: number | null;
  created_at: number;
  updated_at: number;
};

/**
 * Claim an X user for an account id: for the first client that asks, or the next one after a disconnect. Repeatable; on the
 * first database alone.
 */
export const claimXUser = (
  db: D1Database,
  user: { x_user_id: string; account_id: string; client_id: string },
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO x_users (x_user_id, account_id, client_id) VALUES (?, ?, ?)
           ON CONFLICT (x_user_id) DO UPDATE
          SET account_id = iif(client_id = excluded.client_id, account_id, excluded.account_id),
              client_id = excluded.client_id, released = 0
        WHERE released = 1`,
    )
    .bind(user.x_user_id, user.account_id, user.client_id);

/** Let go of an X user whose account was disconnected: its client keeps it until another one connects it. */
export const releaseXUser = (db: D1Database, xUserId: string, accountId: string): D1PreparedStatement =>
  db
    .prepare("UPDATE x_users SET released = 1 WHERE x_user_id = ? AND account_id = ?")
    .bind(xUserId, accountId);

/** Whose an X user is: `{x_user_id, account_id, client_id}`. */
export const findXUser = (db: D1Database, xUserId: string): D1PreparedStatement =>
  db.prepare("SELECT * FROM x_users WHERE x_user_id = ?").bind(xUserId);

/**
 * Store an account with a token pair of the next version. The caller sealed the pair for exactly that version, so a
 * version that moved meanwhile changes nothing. Returns the new version, or no row.
 */
export const connect = (
  db: D1Database,
  account: Omit<
    AccountRow,
    "created_at" | "updated_at" | "paused_at" | "daily_cap" | "state" | "token_origin" | "token_issued_at"
  >,
  now: number,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO accounts (id, client_id, app_id, x_user_id, username, name, scopes, state, token, token_version,
                             token_expires_at, token_issued_at, token_origin, refresh_at, metadata, created_at, updated_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'connected', ?8, ?9, ?10, ?12, 'connect', ?13, ?11, ?12, ?12)
           ON CONFLICT (id) DO UPDATE
          SET app_id = ?3, username = ?5, name = ?6, scopes = ?7, state = 'connected', token = ?8, token_version = ?9,
              token_expires_at = ?10, token_issued_at = ?12, token_origin = 'connect', refresh_at = ?13,
              metadata = coalesce(?11, metadata), updated_at = ?12
        WHERE accounts.client_id = ?2 AND accounts.token_version = ?9 - 1
       RETURNING token_version`,
    )
    .bind(
      account.id,
      account.client_id,
      account.app_id,
      account.x_user_id,
      account.username,
      account.name,
      account.scopes,
      account.token,
      account.token_version,
      account.token_expires_at,
      account.metadata,
      now,
      account.refresh_at,
    );

/** Accounts whose token is to be refreshed by now, behind another in the order of their time. */
export const toRefresh = (
  db: D1Database,
  now: number | null,
  after: { refresh_at: number; id: string },
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT id, client_id, token_version, token_issued_at, refresh_at FROM accounts
        WHERE refresh_at IS NOT NULL AND (refresh_at, id) > (?2, ?3) AND refresh_at <= ${NOW}
        ORDER BY refresh_at, id LIMIT ?4`,
    )
    .bind(now, after.refresh_at, after.id, limit);

/** A pair that a refresh brought: `token_version` is the one it replaces. */
export type MovedToken = Pick<
  AccountRow,
  "id" | "token_version" | "token" | "token_expires_at" | "refresh_at"
>;

/** Replace a token pair, unless its version has moved meanwhile. Returns the new version, or no row. */
export const moveToken = (db: D1Database, moved: MovedToken, now: number): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE accounts SET token = ?3, token_version = ?2 + 1, token_expires_at = ?4, token_issued_at = ?6,
                           token_origin = 'refresh', refresh_at = ?5, state = 'connected', updated_at = ?6
        WHERE id = ?1 AND token_version = ?2 RETURNING token_version`,
    )
    .bind(moved.id, moved.token_version, moved.token, moved.token_expires_at, moved.refresh_at, now);

/** X has said that the grant of this version is dead. Changes nothing when the version has moved. */
export const requireReconnect = (
  db: D1Database,
  id: string,
  version: number,
  now: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE accounts SET state = 'reconnect_required', refresh_at = NULL, updated_at = ?3
        WHERE id = ?1 AND token_version = ?2 AND state = 'connected'`,
    )
    .bind(id, version, now);

/** Forget an account's tokens; whoever still holds its version finds that it has moved. Its history stays. */
export const disconnect = (db: D1Database, id: string, now: number): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE accounts SET state = 'disconnected', token = NULL, token_version = token_version + 1,
                           token_expires_at = NULL, refresh_at = NULL, updated_at = ?2
        WHERE id = ?1 AND state <> 'disconnected'`,
    )
    .bind(id, now);

/** Change what is given: what a client keeps with its account (JSON text), what it may cost in a day; null clears it. */
export const change = (
  db: D1Database,
  id: string,
  { metadata, daily_cap }: { metadata?: string | null | undefined; daily_cap?: number | null | undefined },
  now: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE accounts SET metadata = iif(?3, ?2, metadata), daily_cap = iif(?5, ?4, daily_cap), updated_at = ?6
        WHERE id = ?1`,
    )
    .bind(
      id,
      metadata ?? null,
      metadata === undefined ? 0 : 1,
      daily_cap ?? null,
      daily_cap === undefined ? 0 : 1,
      now,
    );

/** Pause an account from `pausedAt` on, or null: resume it. Changes nothing that is so already. */
export const setPaused = (
  db: D1Database,
  id: string,
  pausedAt: number | null,
  now: number,
): D1PreparedStatement =>
  db
    .prepare(
      "UPDATE accounts SET paused_at = ?2, updated_at = ?3 WHERE id = ?1 AND (paused_at IS NULL) = (?2 IS NOT NULL)",
    )
    .bind(id, pausedAt, now);

/** One account, whoever it belongs to: for consumers. */
export const find = (db: D1Database, id: string): D1PreparedStatement =>
  db.prepare("SELECT * FROM accounts WHERE id = ?").bind(id);

/** Which of these accounts are a client's. */
export const owned = (db: D1Database, clientId: string, ids: string[]): D1PreparedStatement =>
  db
    .prepare("SELECT id FROM accounts WHERE client_id = ? AND id IN (SELECT value FROM json_each(?))")
    .bind(clientId, JSON.stringify(ids));

/** Which of these accounts are a client's, and in which state. */
export const states = (db: D1Database, clientId: string, ids: readonly string[]): D1PreparedStatement =>
  db
    .prepare("SELECT id, state FROM accounts WHERE client_id = ? AND id IN (SELECT value FROM json_each(?))")
    .bind(clientId, JSON.stringify(ids));

/** A client's accounts from an id on. */
export const list = (db: D1Database, clientId: string, after: string, limit: number): D1PreparedStatement =>
  db
    .prepare("SELECT * FROM accounts WHERE client_id = ? AND id > ? ORDER BY id LIMIT ?")
    .bind(clientId, after, limit);

/** An account of a client that goes through that app and is not disconnected, if there is one. */
export const findByApp = (db: D1Database, clientId: string, appId: string): D1PreparedStatement =>
  db
    .prepare("SELECT id FROM accounts WHERE client_id = ? AND app_id = ? AND state <> 'disconnected' LIMIT 1")
    .bind(clientId, appId);

/** Each medium that is being sent has a lane of its own. */
const LANES_OF_MEDIA = `SELECT j.lane FROM media_bindings AS b
  JOIN jobs AS j ON j.client_id = b.client_id AND j.id = b.job_id AND j.open = 1 WHERE b.account_id = ?2`;

/** After a reconnect: the account's lanes get its app, and are due at once if they have work. Returns their names. */
export const wakeLanes = (
  db: D1Database,
  now: number | null,
  id: string,
  lanes: string[],
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE lanes SET next_at = min(next_at, ${NOW}), app_id = a.app_id,
                        gates = replace(replace(lanes.gates, ':' || lanes.app_id || '"', ':' || a.app_id || '"'),
                                        ':' || lanes.app_id || ':', ':' || a.app_id || ':')
         FROM (SELECT app_id FROM accounts WHERE id = ?2) AS a
        WHERE lanes.account_id = ?2 AND next_at IS NOT NULL
          AND lane IN (SELECT value FROM json_each(?3) UNION ${LANES_OF_MEDIA})
       RETURNING lane, 0 AS wait_ms`,
    )
    .bind(now, id, JSON.stringify(lanes));
