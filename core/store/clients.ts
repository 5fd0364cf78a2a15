/** A row of `clients`: a tenant. `return_urls` is JSON text. */
export type ClientRow = {
  id: string;
  name: string;
  return_urls: string;
  /** Sealed: it signs what goes to the callback URLs of the client's jobs. The old one signs too until its time is over. */
  webhook_secret: string | null;
  old_webhook_secret: string | null;
  old_webhook_secret_until: number | null;
  /** What its accounts may cost together in a day (UTC), in micro-USD; null: as much as they like. */
  daily_cap: number | null;
  created_at: number;
};

export type NewClient = Pick<ClientRow, "id" | "name" | "return_urls" | "created_at"> & {
  webhook_secret?: string | null;
  daily_cap?: number | null;
};

/** Add a client. Repeatable. */
export const insert = (db: D1Database, client: NewClient): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO clients (id, name, return_urls, created_at, webhook_secret, daily_cap) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (id) DO NOTHING`,
    )
    .bind(
      client.id,
      client.name,
      client.return_urls,
      client.created_at,
      client.webhook_secret ?? null,
      client.daily_cap ?? null,
    );

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

/** Change what is given and differs; null leaves a field as it is, and so does a cap that is left out. */
export const change = (
  db: D1Database,
  id: string,
  fields: Record<"name" | "return_urls", string | null> & { daily_cap?: number | null | undefined },
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE clients SET name = coalesce(?2, name), return_urls = coalesce(?3, return_urls),
                          daily_cap = iif(?5, ?4, daily_cap)
        WHERE id = ?1 AND (name <> ?2 OR return_urls <> ?3 OR ?5 AND daily_cap IS NOT ?4)`,
    )
    .bind(
      id,
      fields.name,
      fields.return_urls,
      fields.daily_cap ?? null,
      fields.daily_cap === undefined ? 0 : 1,
    );

/** Put another webhook secret in place of one; the old one signs too until `until`. Nothing if it was replaced meanwhile. */
export const rotateSecret = (
  db: D1Database,
  { id, webhook_secret }: Pick<ClientRow, "id" | "webhook_secret">,
  fresh: string,
  until: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE clients SET webhook_secret = ?3, old_webhook_secret = ?2, old_webhook_secret_until = ?4
        WHERE id = ?1 AND webhook_secret IS ?2`,
    )
    .bind(id, webhook_secret, fresh, until);
