import { equalBytes } from "#core/lib/bytes";
import * as chunks from "#core/store/chunks";
import type { ChunkRow } from "#core/store/chunks";
import { all } from "#core/store/sql";
import type { UploadRow } from "#core/store/uploads";
import { createSource, type Source } from "./source.ts";

/** The most bytes of one R2 object, and so the most that an interrupted request loses. */
export const OBJECT_BYTES = 8 * 1024 * 1024;

type Piece = Pick<ChunkRow, "upload_id" | "start" | "writer">;

const prefixOf = (uploadId: string): string => `uploads/${uploadId}/`;

/** The writer stands in the name: two that send the same bytes at once never write over each other. */
export const keyOf = ({ upload_id, start, writer }: Piece): string =>
  `${prefixOf(upload_id)}${start}.${writer}`;

/** Read bytes of an upload wherever its pieces stand, into `target` from `at` on. Throws when some are missing. */
export async function readInto(
  { bucket, db }: { bucket: R2Bucket; db: D1Database },
  uploadId: string,
  { offset, length }: { offset: number; length: number },
  target: Uint8Array,
  at = 0,
): Promise<void> {
  const pieces = await all<ChunkRow>(chunks.covering(db, uploadId, offset, offset + length));
  await readPieces(bucket, pieces, { offset, length }, target, at);
}

/** The same over pieces that are known already. */
export async function readPieces(
  bucket: R2Bucket,
  pieces: readonly ChunkRow[],
  { offset, length }: { offset: number; length: number },
  target: Uint8Array,
  at = 0,
): Promise<void> {
  let read = offset;
  for (const piece of pieces) {
    const end = Math.min(offset + length, piece.start + piece.size_bytes);
    if (piece.start > read || end <= read) continue;
    const object = await bucket.get(keyOf(piece), {
      range: { offset: read - piece.start, length: end - read },
    });
    if (object === null) break;
    const source = createSource(object.body as ReadableStream<Uint8Array>);
    // As it comes, so that no second copy of it is ever in memory.
    for (let some = await source.read(Infinity); some !== null; some = await source.read(Infinity)) {
      target.set(some, at + read - offset);
      read += some.length;
    }
  }
  if (read !== offset + length) throw new Error(`${offset + length - read} bytes are missing in R2`);
}

/** Whether a source begins with what has been received of an upload. So much of it has been read then, or less if not. */
export async function beginsWith(
  parts: { bucket: R2Bucket; db: D1Database },
  { id, bytes_received }: Pick<UploadRow, "id" | "bytes_received">,
  source: Source,
): Promise<boolean> {
  for (let offset = 0; offset < bytes_received; offset += OBJECT_BYTES) {
    const kept = new Uint8Array(Math.min(OBJECT_BYTES, bytes_received - offset));
    await readInto(parts, id, { offset, length: kept.length }, kept);
    for (let at = 0; at < kept.length;) {
      const piece = await source.read(kept.length - at);
      if (piece === null || !equalBytes(piece, kept.subarray(at, at + piece.length))) return false;
      at += piece.length;
    }
  }
  return true;
}

const A_TIME = 1000;

/** Delete everything that was ever put away for an upload, also what no row knows of. */
export async function removeObjects(bucket: R2Bucket, uploadId: string): Promise<void> {
  for (let cursor: string | undefined; ;) {
    const page = await bucket.list({
      prefix: prefixOf(uploadId),
      limit: A_TIME,
      ...(cursor !== undefined && { cursor }),
    });
    if (page.objects.length > 0) await bucket.delete(page.objects.map(({ key }) => key));
    if (!page.truncated) return;
    cursor = page.cursor;
  }
}
