import { base64, fromBase64url, text, utf8 } from "#core/lib/bytes";
import { Problem } from "#core/lib/problem";

const MOST_BYTES = 8 * 1024;

/**
 * Read the header `Upload-Metadata` (tus 1.0.0, Creation): pairs `key base64`, separated by commas; a value may be missing.
 * Throws 400 on what has not that form.
 */
export function readMetadata(header: string | null): Record<string, string> {
  const pairs: [string, string][] = [];
  if (header === null || header.trim() === "") return {};
  if (header.length > MOST_BYTES) throw malformed(`At most ${MOST_BYTES} bytes`);
  for (const pair of header.split(",")) {
    const [, key, value = ""] = /^\s*([!-+\--~]+)(?: ([\w+/=-]*))?\s*$/.exec(pair) ?? [];
    if (key === undefined) throw malformed("Pairs of a key and a value in base64, separated by commas");
    if (pairs.some(([other]) => other === key)) throw malformed(`${key} is given more than once`);
    pairs.push([key, decoded(key, value)]);
  }
  return Object.fromEntries(pairs);
}

/** The same as a header, to be given back. */
export const writeMetadata = (metadata: Record<string, unknown>): string =>
  Object.entries(metadata)
    .map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)] as const)
    .map(([key, value]) => (value === "" ? key : `${key} ${base64(utf8(value))}`))
    .join(",");

function decoded(key: string, value: string): string {
  try {
    return text(fromBase64url(value));
  } catch {
    throw malformed(`The value of ${key} is not base64`);
  }
}

const malformed = (detail: string): Problem =>
  new Problem("unknown_parameter", { errors: [{ pointer: "Upload-Metadata", code: "invalid", detail }] });
