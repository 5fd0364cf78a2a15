import { unbase64, utf8 } from "./bytes.ts";
import { jsonBody, mediaType, type Call } from "./exchange.ts";

type Bytes = Uint8Array<ArrayBuffer>;
export type Parts = { fields: Fields; bytes: Bytes | null };
/** The fields X's upload bodies have beside `media`, as they arrived. */
export type Fields = {
  segment_index?: unknown;
  media_category?: unknown;
  additional_owners?: unknown;
};

/** The fields of a JSON or multipart body, and the bytes of `media`: base64 in JSON, raw in multipart. */
export async function partsOf(call: Call): Promise<Parts> {
  const body: unknown = mediaType(call) === "application/json" ? jsonBody(call) : await formOf(call);
  if (typeof body !== "object" || body === null) return { fields: {}, bytes: null };
  const { media, ...fields } = body as Record<string, unknown>;
  if (media instanceof Uint8Array) return { fields, bytes: media as Bytes };
  return { fields, bytes: typeof media === "string" ? unbase64(media) : null };
}

async function formOf(call: Call): Promise<Record<string, unknown>> {
  const fields: Record<string, unknown> = {};
  const headers = { "content-type": call.header("content-type") ?? "" };
  const form = await new Response(call.body, { headers }).formData().catch(() => new FormData());
  for (const [name, value] of form) {
    const bytes = typeof value === "string" ? utf8(value) : new Uint8Array(await value.arrayBuffer());
    fields[name] = name === "media" ? bytes : value;
  }
  return fields;
}
