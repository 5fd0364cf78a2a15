import { randomBytes } from "node:crypto";

// A ring as text: `id:key` entries separated by commas, the newest first.

const KEY_BYTES = 32;
const entriesOf = (ring: string): string[] =>
  ring
    .split(",")
    .map((entry) => entry.trim())
    .filter(Boolean);
const idOf = (entry: string): string => entry.split(":")[0] ?? "";

/** A fresh key, for an id. */
export const makeKey = (id: string): string => `${id}:${randomBytes(KEY_BYTES).toString("base64url")}`;

/** The id of the key that seals. */
export const newestIn = (ring: string): string => idOf(entriesOf(ring)[0] ?? "");

/** The ring with a fresh key in front, under an id that no key of it has. */
export function withNewKey(ring: string): string {
  const entries = entriesOf(ring);
  const letter = /^[a-z](?=\d)/.exec(newestIn(ring))?.[0] ?? "k";
  const numbers = entries.map((entry) => Number(/^[a-z](\d{1,9})$/.exec(idOf(entry))?.[1] ?? 0));
  return [makeKey(`${letter}${Math.max(0, ...numbers) + 1}`), ...entries].join();
}

/** The newest key alone. */
export const newestAlone = (ring: string): string => entriesOf(ring)[0] ?? "";

/** Whether a text is a ring: the newest key at hand, each under an id of its own. */
export function isRing(ring: string): boolean {
  const entries = entriesOf(ring);
  return (
    new Set(entries.map(idOf)).size === entries.length &&
    entries.every((entry) => /^[\w-]{1,32}:([\w-]{43}|lost)$/.test(entry)) &&
    /^[\w-]+:[\w-]{43}$/.test(entries[0] ?? "")
  );
}
