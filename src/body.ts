import { Problem } from "#core/lib/problem";

/** A body of JSON is at most this long; the params of a job may be a quarter of it. */
export const JSON_LIMIT_BYTES = 1024 * 1024;
/** How much of a body that is too big is read and thrown away, so that its sender still hears the answer. */
const DRAIN_LIMIT_BYTES = 32 * 1024 * 1024;

/**
 * Read a JSON body. One that says it is too big is refused before it is touched; a chunked one is drained to a bound, for
 * answering after half of a body resets the connection and the sender never sees why.
 * Returns the parsed value and the text it came as. Throws 413, 415 and 400.
 */
export async function readJson(request: Request): Promise<{ value: unknown; text: string }> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (Number(request.headers.get("content-length") ?? 0) > JSON_LIMIT_BYTES) throw tooLarge();
  const text = await readText(request);
  if (type !== "application/json") throw new Problem("unsupported_media_type");
  try {
    return { value: JSON.parse(text) as unknown, text };
  } catch {
    throw new Problem("not_json", { detail: text === "" ? "The body is empty" : "The body is not JSON" });
  }
}

async function readText(request: Request): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > DRAIN_LIMIT_BYTES) break;
    if (size <= JSON_LIMIT_BYTES) text += decoder.decode(chunk, { stream: true });
  }
  if (size > JSON_LIMIT_BYTES) throw tooLarge();
  return text + decoder.decode();
}

const tooLarge = (): Problem =>
  new Problem("body_too_large", { detail: `A JSON body may have ${JSON_LIMIT_BYTES} bytes` });
