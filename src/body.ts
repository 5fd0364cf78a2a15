import { Problem } from "#core/lib/problem";

/** A body of JSON is at most this long; the params of a job may be a quarter of it. */
export const JSON_LIMIT_BYTES = 1024 * 1024;
/** A body that is read item by item may be so long. */
export const ITEMS_LIMIT_BYTES = 10 * 1024 * 1024;
/** How much of a body that is too big is read and thrown away, so that its sender still hears the answer. */
const DRAIN_LIMIT_BYTES = 32 * 1024 * 1024;

/**
 * Read a JSON body. One that says it is too big is refused before it is touched; a chunked one is drained to a bound, for
 * answering after half of a body resets the connection and the sender never sees why.
 * Returns the parsed value and the text it came as. Throws 413, 415 and 400.
 */
export async function readJson(request: Request): Promise<{ value: unknown; text: string }> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of chunksOf(request, JSON_LIMIT_BYTES)) chunks.push(chunk);
  if (typeOf(request) !== "application/json") throw new Problem("unsupported_media_type");
  try {
    const text = decode(chunks);
    return { value: JSON.parse(text) as unknown, text };
  } catch {
    throw notJson(chunks.length === 0);
  }
}

/** The media type of a body. */
export const typeOf = (request: Request): string | undefined =>
  request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();

/** A body as it comes, up to a limit. Throws 413, once what is too much was drained. */
export async function* chunksOf(request: Request, limitBytes: number): AsyncGenerator<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > limitBytes) throw tooLarge(limitBytes);
  const body: AsyncIterable<Uint8Array> | Uint8Array[] = request.body ?? [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > Math.max(DRAIN_LIMIT_BYTES, limitBytes)) break;
    if (size <= limitBytes) yield chunk;
  }
  if (size > limitBytes) throw tooLarge(limitBytes);
}

export const notJson = (isEmpty: boolean): Problem =>
  new Problem("not_json", { detail: isEmpty ? "The body is empty" : "The body is not JSON in UTF-8" });

/** Throws on what is not UTF-8: mended, it would be posted as something that nobody wrote. */
function decode(chunks: Uint8Array[]): string {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
}

const tooLarge = (limitBytes: number): Problem =>
  new Problem("body_too_large", { detail: `This body may have ${limitBytes} bytes` });
