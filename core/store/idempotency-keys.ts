/** A row of `idempotency_keys`: which job a client's key made, and the SHA-256 of the body it came with. */
export type IdempotencyRow = {
  client_id: string;
  key: string;
  body_hash: string;
  job_id: string;
  created_at: number;
};

/** Take a key for a job, for the first that asks. Repeatable. */
export const claim = (db: D1Database, row: IdempotencyRow): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO idempotency_keys (client_id, key, body_hash, job_id, created_at) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (client_id, key) DO NOTHING`,
    )
    .bind(row.client_id, row.key, row.body_hash, row.job_id, row.created_at);

/** What a key stands for. */
export const find = (db: D1Database, clientId: string, key: string): D1PreparedStatement =>
  db.prepare("SELECT * FROM idempotency_keys WHERE client_id = ? AND key = ?").bind(clientId, key);

/** A client's keys that were made before a time (epoch ms). */
export const older = (
  db: D1Database,
  clientId: string,
  madeBefore: number,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare("SELECT * FROM idempotency_keys WHERE client_id = ? AND created_at < ? LIMIT ?")
    .bind(clientId, madeBefore, limit);

/** Delete keys of a client. */
export const remove = (db: D1Database, clientId: string, keys: string[]): D1PreparedStatement =>
  db
    .prepare("DELETE FROM idempotency_keys WHERE client_id = ? AND key IN (SELECT value FROM json_each(?))")
    .bind(clientId, JSON.stringify(keys));
