/** A row of `audit`: who changed what. `actor` is the id of a key or session, or `admin`; `detail` is JSON text. */
export type AuditRow = {
  client_id: string;
  id: string;
  actor: string;
  action: string;
  subject: string;
  detail: string;
  created_at: number;
};

/**
 * Note the change that the statement before it made: in one batch with it, directly behind. If nothing was changed there,
 * nothing is noted.
 */
export const insert = (db: D1Database, entry: AuditRow): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO audit (client_id, id, actor, action, subject, detail, created_at)
       SELECT ?, ?, ?, ?, ?, ?, ? WHERE changes() > 0`,
    )
    .bind(
      entry.client_id,
      entry.id,
      entry.actor,
      entry.action,
      entry.subject,
      entry.detail,
      entry.created_at,
    );

/** What was changed of a client's, the newest first, below an id. */
export const list = (db: D1Database, clientId: string, before: string, limit: number): D1PreparedStatement =>
  db
    .prepare("SELECT * FROM audit WHERE client_id = ? AND id < ? ORDER BY id DESC LIMIT ?")
    .bind(clientId, before, limit);

/** Delete a bounded number of these clients' entries that are older than an id. */
export const prune = (
  db: D1Database,
  clientIds: string[],
  madeBefore: string,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM audit WHERE (client_id, id) IN (
         SELECT e.client_id, e.id FROM json_each(?1) AS c
           JOIN audit AS e ON e.client_id = c.value AND e.id < ?2
          LIMIT ?3)`,
    )
    .bind(JSON.stringify(clientIds), madeBefore, limit);
