import { NOW } from "./sql.ts";

/** A row of `oauth_states`: a connect under way. `verifier` is sealed; `scopes` (those asked for), `metadata` JSON text. */
export type OAuthStateRow = {
  state_hash: string;
  client_id: string;
  app_id: string;
  verifier: string;
  scopes: string;
  return_url: string;
  metadata: string | null;
  /** Who began it: the id of a key or session. */
  actor: string;
  expires_at: number;
};

/** Begin a connect. */
export const insert = (db: D1Database, state: OAuthStateRow): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO oauth_states (state_hash, client_id, app_id, verifier, scopes, return_url, metadata, actor,
                                 expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .bind(
      state.state_hash,
      state.client_id,
      state.app_id,
      state.verifier,
      state.scopes,
      state.return_url,
      state.metadata,
      state.actor,
      state.expires_at,
    );

/** Use a state: it is gone afterwards, whatever comes of it. Returns its row, or none if unknown, used or too old. */
export const take = (db: D1Database, now: number | null, stateHash: string): D1PreparedStatement =>
  db
    .prepare(`DELETE FROM oauth_states WHERE state_hash = ?2 AND expires_at > ${NOW} RETURNING *`)
    .bind(now, stateHash);

/** Delete states that nobody came back with. */
export const prune = (db: D1Database, now: number | null): D1PreparedStatement =>
  db.prepare(`DELETE FROM oauth_states WHERE expires_at <= ${NOW}`).bind(now);
