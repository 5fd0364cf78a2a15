import { env } from "cloudflare:workers";
import { keyOf } from "#core/media/objects";
import { newId } from "#core/lib/ids";
import type { UploadRow } from "#core/store/uploads";
import { put } from "./rows.ts";

type Of = { client_id: string; account_id: string; now: number; pieces?: number } & Partial<UploadRow>;

/** A medium that has been received, in pieces, on the first database. Returns its id. */
export async function putMedium(
  bytes: Uint8Array,
  { client_id, account_id, now, pieces = 1, ...more }: Of,
): Promise<string> {
  const id = newId("med", "0", now);
  const size = Math.ceil(bytes.length / pieces);
  for (let start = 0; start < bytes.length; start += size) {
    const piece = bytes.slice(start, start + size);
    const chunk = { upload_id: id, start, size_bytes: piece.length, writer: "w" };
    await env.MEDIA.put(keyOf(chunk), piece);
    await put(env.DB, "chunks", chunk);
  }
  await put(env.DB, "uploads", {
    client_id,
    id,
    account_id,
    state: "received",
    size_bytes: bytes.length,
    bytes_received: bytes.length,
    send: "now",
    metadata: "{}",
    media_type: "image/png",
    media_category: "tweet_image",
    created_at: now,
    received_at: now,
    expires_at: now + 86_400_000,
    ...more,
  });
  return id;
}
