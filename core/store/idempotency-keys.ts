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

/**
 * These clients' keys that were made before a time (epoch ms), behind another one. They come client by client as SQLite
 * walks the primary key: to sort them it would have to read them all each time.
 */
export const older = (
  db: D1Database,
  clientIds: string[],
  madeBefore: number,
  after: Pick<IdempotencyRow, "client_id" | "key">,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT k.client_id, k.key, k.job_id FROM json_each(?1) AS c
         JOIN idempotency_keys AS k ON k.client_id = c.value AND k.key > iif(c.value = ?3, ?4, '')
        WHERE c.value >= ?3 AND k.created_at < ?2
        LIMIT ?5`,
    )
    .bind(JSON.stringify(clientIds), madeBefore, after.client_id, after.key, limit);

/** Delete keys. */
export const remove = (
  db: D1Database,
  keys: Pick<IdempotencyRow, "client_id" | "key">[],
): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM idempotency_keys
        WHERE (client_id, key) IN (SELECT value ->> 'client_id', value ->> 'key' FROM json_each(?))`,
    )
    .bind(JSON.stringify(keys.map(({ client_id, key }) => ({ client_id, key }))));
