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
  metadata: string | null;
  created_at: number;
  updated_at: number;
};

/** Claim an X user for an account id, for the first that asks. Repeatable; on the first database alone. */
export const claimXUser = (
  db: D1Database,
  user: { x_user_id: string; account_id: string; client_id: string },
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO x_users (x_user_id, account_id, client_id) VALUES (?, ?, ?) ON CONFLICT (x_user_id) DO NOTHING`,
    )
    .bind(user.x_user_id, user.account_id, user.client_id);

/** Whose an X user is: `{x_user_id, account_id, client_id}`. */
export const findXUser = (db: D1Database, xUserId: string): D1PreparedStatement =>
  db.prepare("SELECT * FROM x_users WHERE x_user_id = ?").bind(xUserId);

/**
 * Store an account with a token pair of the next version. The caller sealed the pair for exactly that version, so a
 * version that moved meanwhile changes nothing. Returns the new version, or no row.
 */
export const connect = (
  db: D1Database,
  account: Omit<AccountRow, "created_at" | "updated_at" | "state">,
  now: number,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO accounts (id, client_id, app_id, x_user_id, username, name, scopes, state, token, token_version,
                             token_expires_at, metadata, created_at, updated_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'connected', ?8, ?9, ?10, ?11, ?12, ?12)
           ON CONFLICT (id) DO UPDATE
          SET app_id = ?3, username = ?5, name = ?6, scopes = ?7, state = 'connected', token = ?8, token_version = ?9,
              token_expires_at = ?10, metadata = coalesce(?11, metadata), updated_at = ?12
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
    );

/** One account, whoever it belongs to: for consumers. */
export const find = (db: D1Database, id: string): D1PreparedStatement =>
  db.prepare("SELECT * FROM accounts WHERE id = ?").bind(id);

/** A client's accounts from an id on. */
export const list = (db: D1Database, clientId: string, after: string, limit: number): D1PreparedStatement =>
  db
    .prepare("SELECT * FROM accounts WHERE client_id = ? AND id > ? ORDER BY id LIMIT ?")
    .bind(clientId, after, limit);

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
                        gates = replace(lanes.gates, '"app:' || lanes.app_id || '"', '"app:' || a.app_id || '"')
         FROM (SELECT app_id FROM accounts WHERE id = ?2) AS a
        WHERE lanes.account_id = ?2 AND lane IN (SELECT value FROM json_each(?3)) AND next_at IS NOT NULL
       RETURNING lane, 0 AS wait_ms`,
    )
    .bind(now, id, JSON.stringify(lanes));
