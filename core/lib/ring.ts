import { fromBase64url } from "./bytes.ts";

const KEY_BYTES = 32;

/**
 * Reads a ring of keys from a secret: `id:base64url-of-32-bytes`, several separated by commas, the newest first.
 * Throws with a sentence that names the variable and never the key.
 */
export function readRing(secret: string | undefined, variable: string): Map<string, Uint8Array<ArrayBuffer>> {
  const entries = (secret ?? "")
    .split(",")
    .map((entry) => entry.trim())
    .filter(Boolean);
  if (entries.length === 0) throw new Error(`${variable} is missing: it needs at least one "id:key"`);
  const keys = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const entry of entries) {
    const [id = "", key = ""] = entry.split(":");
    const bytes = decode(key);
    if (!/^[A-Za-z0-9_-]{1,32}$/.test(id) || bytes?.length !== KEY_BYTES)
      throw new Error(
        `${variable} must be "id:key" with a key of 32 bytes in base64url, several separated by commas`,
      );
    keys.set(id, bytes);
  }
  return keys;
}

function decode(key: string): Uint8Array<ArrayBuffer> | null {
  try {
    return fromBase64url(key);
  } catch {
    return null;
  }
}
