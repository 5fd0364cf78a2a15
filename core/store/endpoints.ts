import { rowsIn } from "./sql.ts";

/** A row of `endpoints`: where a client wants to hear of what. `events` and `account_ids` are JSON lists. */
export type EndpointRow = {
  client_id: string;
  id: string;
  /** null: nothing is sent, its events are only kept to be read. */
  url: string | null;
  events: string;
  /** null: of every account, and of what concerns none. */
  account_ids: string | null;
  description: string;
  state: "enabled" | "disabled";
  disabled_reason: "asked" | "gone" | "failing" | null;
  /** Sealed. */
  secret: string;
  old_secret: string | null;
  old_secret_until: number | null;
  failing_since: number | null;
  warned_at: number | null;
  created_at: number;
  updated_at: number;
};

// An endpoint stands on every database, for what happens on each is told there. Every statement may be repeated.

/** Add an endpoint. */
export const insert = (db: D1Database, row: EndpointRow): D1PreparedStatement => {
  const columns = Object.keys(row);
  return db
    .prepare(
      `INSERT INTO endpoints (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})
           ON CONFLICT (client_id, id) DO NOTHING`,
    )
    .bind(...Object.values(row));
};

/** One endpoint of a client. */
export const find = (db: D1Database, clientId: string, id: string): D1PreparedStatement =>
  db.prepare("SELECT * FROM endpoints WHERE client_id = ? AND id = ?").bind(clientId, id);

/** Some endpoints, each by its client and id. */
export const findAll = (db: D1Database, some: { client_id: string; id: string }[]): D1PreparedStatement =>
  db
    .prepare(
      `SELECT e.* FROM ${rowsIn("?1", ["client_id", "id"], some.length)} AS m
        CROSS JOIN endpoints AS e ON e.client_id = m.client_id AND e.id = m.id`,
    )
    .bind(JSON.stringify(some));

/** A client's endpoints from an id on, in the order of their making. */
export const list = (db: D1Database, clientId: string, after: string, limit: number): D1PreparedStatement =>
  db
    .prepare("SELECT * FROM endpoints WHERE client_id = ? AND id > ? ORDER BY id LIMIT ?")
    .bind(clientId, after, limit);

/** The endpoints of all clients behind one, in the order of their keys. */
export const page = (db: D1Database, after: Place, limit: number): D1PreparedStatement =>
  db
    .prepare("SELECT * FROM endpoints WHERE (client_id, id) > (?, ?) ORDER BY client_id, id LIMIT ?")
    .bind(after.client_id, after.id, limit);

/** How many endpoints stand on a database. */
export const total = (db: D1Database): D1PreparedStatement =>
  db.prepare("SELECT count(*) AS count FROM endpoints");

const COLUMNS = [
  ...([
    "client_id",
    "id",
    "url",
    "events",
    "account_ids",
    "description",
    "state",
    "disabled_reason",
  ] as const),
  ...(["secret", "old_secret", "old_secret_until", "created_at", "updated_at"] as const),
] satisfies (keyof EndpointRow)[];

/** Add those of some endpoints that are not there. How they did is not copied: each database keeps its own account of that. */
export const insertMissing = (db: D1Database, rows: EndpointRow[]): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO endpoints (${COLUMNS.join(", ")})
       SELECT ${COLUMNS.map((name) => `value ->> '${name}'`).join(", ")} FROM json_each(?1) WHERE true
           ON CONFLICT (client_id, id) DO NOTHING
       RETURNING client_id, id, updated_at`,
    )
    .bind(JSON.stringify(rows));

/** How many endpoints a client has. */
export const count = (db: D1Database, clientId: string): D1PreparedStatement =>
  db.prepare("SELECT count(*) AS count FROM endpoints WHERE client_id = ?").bind(clientId);

type Place = Pick<EndpointRow, "client_id" | "id">;

/** Set columns of an endpoint. Changes nothing when they are so already. */
export const set = (
  db: D1Database,
  { client_id, id }: Place,
  columns: Partial<Omit<EndpointRow, "client_id" | "id" | "updated_at">>,
  now: number,
): D1PreparedStatement => {
  const names = Object.keys(columns);
  const differs = names.map((name, index) => `${name} IS NOT ?${index + 4}`).join(" OR ");
  return db
    .prepare(
      `UPDATE endpoints SET ${names.map((name, index) => `${name} = ?${index + 4}`).join(", ")}, updated_at = ?3
        WHERE client_id = ?1 AND id = ?2 AND (${differs})`,
    )
    .bind(client_id, id, now, ...Object.values(columns));
};

/** Put another secret in place of one; the old one signs too until `until`. Nothing if it was replaced meanwhile. */
export const rotate = (
  db: D1Database,
  { client_id, id, secret }: Place & Pick<EndpointRow, "secret">,
  fresh: string,
  until: number,
  now: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE endpoints SET secret = ?4, old_secret = ?3, old_secret_until = ?5, updated_at = ?6
        WHERE client_id = ?1 AND id = ?2 AND secret = ?3`,
    )
    .bind(client_id, id, secret, fresh, until, now);

/** Note since when nothing gets through, unless that is noted. */
export const failing = (db: D1Database, { client_id, id }: Place, now: number): D1PreparedStatement =>
  db
    .prepare(
      "UPDATE endpoints SET failing_since = ?3 WHERE client_id = ?1 AND id = ?2 AND failing_since IS NULL",
    )
    .bind(client_id, id, now);

/** Note that its client was warned, once. */
export const warned = (db: D1Database, { client_id, id }: Place, now: number): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE endpoints SET warned_at = ?3
        WHERE client_id = ?1 AND id = ?2 AND warned_at IS NULL AND failing_since IS NOT NULL`,
    )
    .bind(client_id, id, now);

/** It got through again. */
export const recovered = (db: D1Database, { client_id, id }: Place): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE endpoints SET failing_since = NULL, warned_at = NULL
        WHERE client_id = ? AND id = ? AND failing_since IS NOT NULL`,
    )
    .bind(client_id, id);

/** Stop trying it. Nothing if it is disabled already. */
export const disable = (
  db: D1Database,
  { client_id, id }: Place,
  reason: NonNullable<EndpointRow["disabled_reason"]>,
  now: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE endpoints SET state = 'disabled', disabled_reason = ?3, updated_at = ?4
        WHERE client_id = ?1 AND id = ?2 AND state = 'enabled'`,
    )
    .bind(client_id, id, reason, now);

/** Forget an endpoint. */
export const remove = (db: D1Database, { client_id, id }: Place): D1PreparedStatement =>
  db.prepare("DELETE FROM endpoints WHERE client_id = ? AND id = ?").bind(client_id, id);

/** Note that something was done with it. */
export const touch = (db: D1Database, { client_id, id }: Place, now: number): D1PreparedStatement =>
  db
    .prepare("UPDATE endpoints SET updated_at = ?3 WHERE client_id = ?1 AND id = ?2")
    .bind(client_id, id, now);
