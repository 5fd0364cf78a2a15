/** A row of `clients`: a tenant. `return_urls` is JSON text. */
export type ClientRow = { id: string; name: string; return_urls: string; created_at: number };

/** Add a client. Repeatable. */
export const insert = (db: D1Database, client: ClientRow): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO clients (id, name, return_urls, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    )
    .bind(client.id, client.name, client.return_urls, client.created_at);

/** One client. */
export const find = (db: D1Database, id: string): D1PreparedStatement =>
  db.prepare("SELECT * FROM clients WHERE id = ?").bind(id);

/** Clients from an id on, in the order of their making; `only` one of them, or all. */
export const list = (
  db: D1Database,
  after: string,
  limit: number,
  only: string | null = null,
): D1PreparedStatement =>
  db
    .prepare("SELECT * FROM clients WHERE id > ?1 AND (?3 IS NULL OR id = ?3) ORDER BY id LIMIT ?2")
    .bind(after, limit, only);

/** Change what is given and differs; null leaves a field as it is. */
export const change = (
  db: D1Database,
  id: string,
  fields: Record<"name" | "return_urls", string | null>,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE clients SET name = coalesce(?2, name), return_urls = coalesce(?3, return_urls)
        WHERE id = ?1 AND (name <> ?2 OR return_urls <> ?3)`,
    )
    .bind(id, fields.name, fields.return_urls);
