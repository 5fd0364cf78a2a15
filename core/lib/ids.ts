import { customRandom } from "nanoid";

/**
 * Ids sort by creation and name their database: prefix, 10 characters of Crockford base-32 time (ms), 12 random ones,
 * and one last character, the shard. Listing therefore needs no index but the primary key.
 */
export type IdPrefix = "cli" | "key" | "app" | "acc" | "job" | "bat" | "req" | "lse" | "evt" | "aud" | "ses";

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const TIME_LENGTH = 10;
const RANDOM_LENGTH = 12;

/** Fills a buffer with chance: `crypto.getRandomValues` outside tests. */
export type Entropy = (bytes: number) => Uint8Array;

export const entropy: Entropy = (bytes) => crypto.getRandomValues(new Uint8Array(bytes));

/** `count` random characters of 0-9A-Za-z. */
export const randomText = (count: number, chance: Entropy = entropy): string =>
  customRandom(ALPHABET, count, chance)();

/** An epoch in ms as 10 characters that sort like the number. */
export function encodeTime(ms: number): string {
  let rest = Math.max(0, Math.floor(ms));
  let text = "";
  for (let i = 0; i < TIME_LENGTH; i++) {
    text = CROCKFORD.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** A new id of a kind of thing, living on `shard` (one character). */
export const newId = (prefix: IdPrefix, shard: string, now: number, chance: Entropy = entropy): string =>
  `${prefix}_${encodeTime(now)}${randomText(RANDOM_LENGTH, chance)}${shard}`;

/** The smallest id that a thing made at `ms` can have: the bound of a time filter over a primary key. */
export const idFloor = (prefix: IdPrefix, ms: number): string => `${prefix}_${encodeTime(ms)}`;

/** The shard an id lives on: its last character. */
export const shardOf = (id: string): string => id.slice(-1);

/** Whether a text has the form of an id of that prefix. Says nothing about whether it exists. */
export const isId = (prefix: IdPrefix, text: string): boolean =>
  text.startsWith(`${prefix}_`) && /^[a-z]{3}_[0-9A-HJKMNP-TV-Z]{10}[0-9A-Za-z]{13}$/.test(text);
