import { NOW } from "./sql.ts";

/** A row of `uploads`: a medium that a client hands over. Times in epoch ms; `metadata` and `error` are JSON text. */
export type UploadRow = {
  client_id: string;
  id: string;
  account_id: string;
  state: "receiving" | "received" | "failed";
  size_bytes: number | null;
  bytes_received: number;
  writer: string | null;
  send: "now" | "later";
  metadata: string;
  source_url: string | null;
  media_type: string | null;
  media_category: string | null;
  alt_text: string | null;
  error: string | null;
  created_at: number;
  received_at: number | null;
  expires_at: number;
  cleared_at: number | null;
};

export type NewUpload = Pick<
  UploadRow,
  | "client_id"
  | "id"
  | "account_id"
  | "size_bytes"
  | "writer"
  | "send"
  | "metadata"
  | "source_url"
  | "media_type"
  | "media_category"
  | "alt_text"
> & { expires_after_ms: number };

/** Begin an upload for an account of its client. Returns the row, or nothing when there is no such account. Repeatable. */
export const insert = (db: D1Database, now: number | null, upload: NewUpload): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO uploads (client_id, id, account_id, state, size_bytes, writer, send, metadata, source_url,
                            media_type, media_category, alt_text, created_at, expires_at)
       SELECT a.client_id, ?3, a.id, 'receiving', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ${NOW}, ${NOW} + ?13
         FROM accounts AS a WHERE a.id = ?4 AND a.client_id = ?2 AND a.state <> 'disconnected'
           ON CONFLICT (client_id, id) DO UPDATE SET id = excluded.id
       RETURNING *`,
    )
    .bind(
      now,
      upload.client_id,
      upload.id,
      upload.account_id,
      upload.size_bytes,
      upload.writer,
      upload.send,
      upload.metadata,
      upload.source_url,
      upload.media_type,
      upload.media_category,
      upload.alt_text,
      upload.expires_after_ms,
    );

/** Become the one whose bytes count. Returns the row, or nothing when it takes none any more. */
export const takeOver = (
  db: D1Database,
  now: number | null,
  { client_id, id }: Pick<UploadRow, "client_id" | "id">,
  writer: string,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE uploads SET writer = ?4
        WHERE client_id = ?2 AND id = ?3 AND state = 'receiving' AND expires_at > ${NOW} RETURNING *`,
    )
    .bind(now, client_id, id, writer);

/** How long a file is, once the place it comes from has said so. */
export const setSize = (
  db: D1Database,
  { client_id, id, writer }: Pick<UploadRow, "client_id" | "id" | "writer">,
  size: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE uploads SET size_bytes = ?4
        WHERE client_id = ?1 AND id = ?2 AND writer = ?3 AND state = 'receiving' AND size_bytes IS NULL`,
    )
    .bind(client_id, id, writer, size);

/** Bytes that were put away: from `start` on, by that writer. With the last ones, what the file turned out to be. */
export type Progress = Pick<UploadRow, "client_id" | "id"> & {
  writer: string;
  start: number;
  bytes: number;
  whole: { media_type: string; media_category: string; keep_ms: number } | null;
};

const WHOLE = `, state = 'received', received_at = ${NOW}, media_type = ?7, media_category = ?8, expires_at = ${NOW} + ?9`;

/**
 * Count bytes that stand in R2, if nobody else has taken over and they are the next ones. Comes directly before their
 * chunks; sent again, it changes nothing.
 */
export const advance = (db: D1Database, now: number | null, progress: Progress): D1PreparedStatement =>
  db
    .prepare(
      // What is not changed is not named: its index would be written as well.
      `UPDATE uploads SET bytes_received = ?5 + ?6${progress.whole === null ? "" : WHOLE}
        WHERE client_id = ?2 AND id = ?3 AND writer = ?4 AND bytes_received = ?5 AND state = 'receiving'`,
    )
    .bind(
      now,
      progress.client_id,
      progress.id,
      progress.writer,
      progress.start,
      progress.bytes,
      ...(progress.whole
        ? [progress.whole.media_type, progress.whole.media_category, progress.whole.keep_ms]
        : []),
    );

/** End an upload that X would refuse; for a day it says why. Whoever has taken over will find out by itself. */
export const fail = (
  db: D1Database,
  now: number | null,
  { client_id, id, writer }: Pick<UploadRow, "client_id" | "id"> & { writer: string },
  error: string,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE uploads SET state = 'failed', error = ?5, expires_at = ${NOW} + 86400000
        WHERE client_id = ?2 AND id = ?3 AND writer = ?4 AND state = 'receiving'`,
    )
    .bind(now, client_id, id, writer, error);

/** One upload of a client. */
export const find = (db: D1Database, clientId: string, id: string): D1PreparedStatement =>
  db.prepare("SELECT * FROM uploads WHERE client_id = ? AND id = ?").bind(clientId, id);

/** Those of some uploads that are the client's. */
export const findAll = (db: D1Database, clientId: string, ids: readonly string[]): D1PreparedStatement =>
  db
    .prepare(`SELECT u.* FROM json_each(?2) AS w JOIN uploads AS u ON u.client_id = ?1 AND u.id = w.value`)
    .bind(clientId, JSON.stringify(ids));

/** Which of these are there. */
export const present = (
  db: D1Database,
  wanted: readonly Pick<UploadRow, "client_id" | "id">[],
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT u.client_id, u.id FROM json_each(?) AS w
         JOIN uploads AS u ON u.client_id = w.value ->> 'client_id' AND u.id = w.value ->> 'id'`,
    )
    .bind(JSON.stringify(wanted));

/** A client's uploads below an id, the newest first. */
export const list = (
  db: D1Database,
  clientId: string,
  before: string,
  accounts: readonly string[] | null,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT * FROM uploads WHERE client_id = ?1 AND id < ?2
          AND (?3 IS NULL OR account_id IN (SELECT value FROM json_each(?3)))
        ORDER BY id DESC LIMIT ?4`,
    )
    .bind(clientId, before, accounts === null ? null : JSON.stringify(accounts), limit);

/** Take no more of an upload, and let its bytes go: its client does not want it. */
export const drop = (db: D1Database, now: number | null, clientId: string, id: string): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE uploads SET writer = NULL, expires_at = min(expires_at, ${NOW}) WHERE client_id = ?2 AND id = ?3`,
    )
    .bind(now, clientId, id);

/** Uploads whose time has come, the first ones first. */
export const expired = (db: D1Database, now: number | null, limit: number): D1PreparedStatement =>
  db
    .prepare(`SELECT * FROM uploads WHERE expires_at <= ${NOW} ORDER BY expires_at, id LIMIT ?2`)
    .bind(now, limit);

/** Keep an upload a while longer. */
export const keep = (
  db: D1Database,
  now: number | null,
  clientId: string,
  id: string,
  ms: number,
): D1PreparedStatement =>
  db
    .prepare(`UPDATE uploads SET expires_at = ${NOW} + ?4 WHERE client_id = ?2 AND id = ?3`)
    .bind(now, clientId, id, ms);

/** Its bytes are gone; what is known of it is kept a while. */
export const cleared = (
  db: D1Database,
  now: number | null,
  clientId: string,
  id: string,
  ms: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE uploads SET cleared_at = ${NOW}, writer = NULL, expires_at = ${NOW} + ?4 WHERE client_id = ?2 AND id = ?3`,
    )
    .bind(now, clientId, id, ms);

/** Forget an upload. */
export const remove = (db: D1Database, clientId: string, id: string): D1PreparedStatement =>
  db.prepare("DELETE FROM uploads WHERE client_id = ? AND id = ?").bind(clientId, id);
