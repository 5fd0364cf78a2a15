import { fromBase64url } from "./bytes.ts";

const KEY_BYTES = 32;
const ID = /^[A-Za-z0-9_-]{1,32}$/;

/** Stands where a key stood: whoever keeps the ring has lost it, and knows that what was made with it is gone. */
export const LOST = "lost";

type Key = Uint8Array<ArrayBuffer>;

/**
 * Reads a ring of keys from a secret: `id:base64url-of-32-bytes`, several separated by commas, the newest first; `id:lost` for
 * a key that is gone. Throws with a sentence that names the variable and never a key.
 */
export function readEntries(secret: string | undefined, variable: string): Map<string, Key | typeof LOST> {
  const entries = (secret ?? "")
    .split(",")
    .map((entry) => entry.trim())
    .filter(Boolean);
  const keys = new Map<string, Key | typeof LOST>();
  for (const entry of entries) {
    const [id = "", key = "", ...more] = entry.split(":");
    if (!ID.test(id) || more.length > 0) throw malformed(variable);
    if (keys.has(id)) throw new Error(`${variable} has the id "${id}" twice: every key needs its own`);
    keys.set(id, key === LOST ? LOST : decode(key, variable));
  }
  const [newest] = keys.values();
  if (newest === undefined) throw new Error(`${variable} is missing: it needs at least one "id:key"`);
  if (newest === LOST) throw new Error(`${variable} begins with a lost key: the first one must be at hand`);
  return keys;
}

/** The same, without the keys that are lost. */
export const readRing = (secret: string | undefined, variable: string): Map<string, Key> =>
  new Map([...readEntries(secret, variable)].flatMap(([id, key]) => (key === LOST ? [] : [[id, key]])));

function decode(key: string, variable: string): Key {
  try {
    const bytes = fromBase64url(key);
    if (bytes.length === KEY_BYTES) return bytes;
  } catch {
    // Said below.
  }
  throw malformed(variable);
}

const malformed = (variable: string): Error =>
  new Error(
    `${variable} must be "id:key" with a key of ${KEY_BYTES} bytes in base64url, several separated by commas`,
  );
