import { newId } from "#core/lib/ids";
import { keyOf } from "#core/media/objects";

/** R2 as a map of bytes: what a job reads of it. */
export function createBucket() {
  const objects = new Map<string, Uint8Array>();
  const bucket = {
    get: async (key: string, { range }: { range: { offset: number; length: number } }) => {
      const bytes = objects.get(key);
      return bytes ? { body: streamOf(bytes.slice(range.offset, range.offset + range.length)) } : null;
    },
  } as unknown as R2Bucket;
  return { bucket, put: (key: string, bytes: Uint8Array) => void objects.set(key, bytes) };
}

const streamOf = (bytes: Uint8Array<ArrayBuffer>) => new Response(bytes).body;

type Owner = { client_id: string; account_id: string };

/** What a client has handed over. */
export type Film = { bytes: Uint8Array; now: number; type: string; category: string };

/** A medium that has been received, whole, in one piece. Returns its id. */
export async function putMedium(
  db: D1Database,
  put: (key: string, bytes: Uint8Array) => void,
  { client_id, account_id }: Owner,
  { bytes, now, type, category }: Film,
): Promise<string> {
  const id = newId("med", "0", now);
  const size = bytes.length;
  put(keyOf({ upload_id: id, start: 0, writer: "w" }), bytes);
  await db.batch([
    db
      .prepare("INSERT INTO chunks (upload_id, start, size_bytes, writer) VALUES (?, 0, ?, 'w')")
      .bind(id, size),
    db
      .prepare(
        `INSERT INTO uploads (client_id, id, account_id, state, size_bytes, bytes_received, send, metadata, media_type,
                              media_category, created_at, received_at, expires_at)
         VALUES (?, ?, ?, 'received', ?, ?, 'now', '{}', ?, ?, ?, ?, ?)`,
      )
      .bind(client_id, id, account_id, size, size, type, category, now, now, now + 7 * 86_400_000),
  ]);
  return id;
}
