/** A row of `apps`: an X app that a client brought. `secret` is sealed, or null for a public app. */
export type AppRow = {
  id: string;
  client_id: string;
  name: string;
  x_client_id: string;
  secret: string | null;
  created_at: number;
};

/** Add an app. */
export const insert = (db: D1Database, app: AppRow): D1PreparedStatement =>
  db
    .prepare(
      "INSERT INTO apps (id, client_id, name, x_client_id, secret, created_at) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(app.id, app.client_id, app.name, app.x_client_id, app.secret, app.created_at);

/** One app, whoever it belongs to: for consumers. */
export const find = (db: D1Database, id: string): D1PreparedStatement =>
  db.prepare("SELECT * FROM apps WHERE id = ?").bind(id);

/** A client's apps from an id on. */
export const list = (db: D1Database, clientId: string, after: string, limit: number): D1PreparedStatement =>
  db
    .prepare("SELECT * FROM apps WHERE client_id = ? AND id > ? ORDER BY id LIMIT ?")
    .bind(clientId, after, limit);

/** Change an app: what is undefined stays, and a secret that is null makes it a public one. */
export const change = (
  db: D1Database,
  id: string,
  { name, secret }: { name: string | undefined; secret: string | null | undefined },
): D1PreparedStatement =>
  db
    .prepare("UPDATE apps SET name = coalesce(?2, name), secret = iif(?3, ?4, secret) WHERE id = ?1")
    .bind(id, name ?? null, secret === undefined ? 0 : 1, secret ?? null);

/** Forget an app and its secret. */
export const remove = (db: D1Database, id: string): D1PreparedStatement =>
  db.prepare("DELETE FROM apps WHERE id = ?").bind(id);
