import { env } from "cloudflare:workers";
import { newUpload, mediaFields } from "#core/media/begin";
import { readInto } from "#core/media/objects";
import type { Incoming, Intake } from "#core/media/receive";
import { createSource } from "#core/media/source";
import { first } from "#core/store/sql";
import * as uploads from "#core/store/uploads";
import type { UploadRow } from "#core/store/uploads";
import { strict } from "./database.ts";
import { accountRow, empty, NOW, put } from "./rows.ts";

const account_id = "acc_01KAB3C4D5V1StGXR8Z5jd0";
const db = strict(env.DB);

/** One upload of so many bytes over real D1 and R2, and who takes its bytes. */
export async function uploading(size_bytes: number | null, fields: Record<string, string> = {}) {
  await empty(env.DB);
  await put(env.DB, "accounts", accountRow({ id: account_id, refresh_at: null }));
  const log: { event: string }[] = [];
  const intake: Intake = {
    db,
    bucket: env.MEDIA,
    stored: () => NOW,
    log: (event) => log.push({ event }),
    onWhole: () => Promise.resolve([]),
  };
  const given = { client_id: "cli_1", size_bytes, source_url: null, writer: "first", now: NOW };
  const upload = newUpload(mediaFields.parse({ account_id, ...fields }), given);
  await uploads.insert(db, NOW, upload).run();
  const { client_id, id } = upload;

  const row = async (): Promise<UploadRow> => {
    const found = await first<UploadRow>(uploads.find(db, client_id, id));
    if (!found) throw new Error("no upload");
    return found;
  };
  return {
    id,
    client_id,
    intake,
    log,
    row,
    /** What the next request of a new writer comes with. */
    async next(stream: ReadableStream<Uint8Array> | null, more: Partial<Incoming> = {}): Promise<Incoming> {
      const taken = await first<UploadRow>(uploads.takeOver(db, NOW, { client_id, id }, `w${Math.random()}`));
      const { writer } = taken ?? {};
      const source = stream && createSource(stream);
      if (!taken || typeof writer !== "string") throw new Error("nobody may send");
      return { upload: { ...taken, writer }, source, length: null, checksum: null, limit: Infinity, ...more };
    },
    /** All that has been received, in one piece. */
    async received(): Promise<Uint8Array> {
      const { bytes_received } = await row();
      const bytes = new Uint8Array(bytes_received);
      await readInto({ bucket: env.MEDIA, db }, id, { offset: 0, length: bytes_received }, bytes);
      return bytes;
    },
    /** The names of the objects in R2, without their prefix. */
    objects: async (): Promise<string[]> =>
      (await env.MEDIA.list({ prefix: `uploads/${id}/` })).objects.map(({ key }) => key.split("/")[2] ?? ""),
  };
}

export const streamOf = (bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> =>
  new Response(bytes).body as ReadableStream<Uint8Array>;

/** A stream that hands out some bytes and then breaks, as a connection does. */
export function breaking(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let sent = false;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent) controller.error(new Error("the connection broke"));
      else controller.enqueue(bytes);
      sent = true;
    },
  });
}
