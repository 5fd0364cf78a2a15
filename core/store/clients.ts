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

/** Clients from an id on, in the order of their making. */
export const list = (db: D1Database, after: string, limit: number): D1PreparedStatement =>
  db.prepare("SELECT * FROM clients WHERE id > ? ORDER BY id LIMIT ?").bind(after, limit);
