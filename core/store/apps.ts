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
