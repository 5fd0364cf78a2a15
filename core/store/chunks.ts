import { rowsIn } from "./sql.ts";

/** A row of `chunks`: a piece of an upload, as an R2 object. */
export type ChunkRow = { upload_id: string; start: number; size_bytes: number; writer: string };

const COLUMNS = ["upload_id", "start", "size_bytes", "writer"] as const satisfies (keyof ChunkRow)[];

/** Note the objects that the statement directly before has counted. If it counted nothing, they are nobody's. */
export const insert = (db: D1Database, chunks: ChunkRow[]): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO chunks (upload_id, start, size_bytes, writer)
       SELECT c.upload_id, c.start, c.size_bytes, c.writer FROM ${rowsIn("?1", COLUMNS, chunks.length)} AS c
        WHERE c.upload_id IS NOT NULL AND changes() > 0`,
    )
    .bind(JSON.stringify(chunks));

/** The pieces that hold the bytes from `from` up to `to`, in their order. */
export const covering = (db: D1Database, uploadId: string, from: number, to: number): D1PreparedStatement =>
  db
    .prepare(
      `SELECT * FROM chunks WHERE upload_id = ?1 AND start < ?3
          AND start >= (SELECT max(start) FROM chunks WHERE upload_id = ?1 AND start <= ?2)
        ORDER BY start`,
    )
    .bind(uploadId, from, to);

/** Forget the pieces of an upload. */
export const remove = (db: D1Database, uploadId: string): D1PreparedStatement =>
  db.prepare("DELETE FROM chunks WHERE upload_id = ?").bind(uploadId);
