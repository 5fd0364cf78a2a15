import { NOW } from "./sql.ts";

/** A row of `api_keys`. `hash` is the SHA-256 of the secret part, base64url; `scopes`, `account_ids` are JSON text. */
export type ApiKeyRow = {
  id: string;
  client_id: string;
  hash: string;
  scopes: string;
  account_ids: string | null;
  expires_at: number | null;
  last_used_at: number | null;
  revoked_at: number | null;
  created_at: number;
};

/** Add a key. Repeatable. */
export const insert = (
  db: D1Database,
  key: Omit<ApiKeyRow, "last_used_at" | "revoked_at">,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO api_keys (id, client_id, hash, scopes, account_ids, expires_at, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    )
    .bind(key.id, key.client_id, key.hash, key.scopes, key.account_ids, key.expires_at, key.created_at);

/** A key that lives: neither expired nor revoked. */
export const find = (db: D1Database, now: number | null, id: string): D1PreparedStatement =>
  db
    .prepare(
      `SELECT * FROM api_keys
        WHERE id = ?2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${NOW})`,
    )
    .bind(now, id);

/** One key, whether it lives or not. */
export const findAny = (db: D1Database, id: string): D1PreparedStatement =>
  db.prepare("SELECT * FROM api_keys WHERE id = ?").bind(id);

/** A client's keys from an id on, in the order of their making. */
export const list = (db: D1Database, clientId: string, after: string, limit: number): D1PreparedStatement =>
  db
    .prepare("SELECT * FROM api_keys WHERE client_id = ? AND id > ? ORDER BY id LIMIT ?")
    .bind(clientId, after, limit);

/** Note that a key was used, at most once an hour, so that reading with a key does not write. */
export const touch = (db: D1Database, now: number | null, id: string): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE api_keys SET last_used_at = ${NOW}
        WHERE id = ?2 AND (last_used_at IS NULL OR last_used_at < ${NOW} - 3600000)`,
    )
    .bind(now, id);

/** Revoke a key, once. Its row stays. */
export const revoke = (db: D1Database, now: number | null, id: string): D1PreparedStatement =>
  db.prepare(`UPDATE api_keys SET revoked_at = ${NOW} WHERE id = ?2 AND revoked_at IS NULL`).bind(now, id);
