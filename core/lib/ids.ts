import { customRandom } from "nanoid";

/**
 * Ids sort by creation and name their database: prefix, 10 characters of Crockford base-32 time (ms), 12 random ones,
 * and one last character, the shard. Listing therefore needs no index but the primary key.
 */
export type IdPrefix =
  | "cli"
  | "key"
  | "app"
  | "acc"
  | "job"
  | "bat"
  | "req"
  | "lse"
  | "evt"
  | "aud"
  | "ses"
  | "med"
  | "whe"
  | "sch";

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

/** How much of a batch's id its jobs share: the time, and enough chance to tell batches of one millisecond apart. */
export const BATCH_BODY = TIME_LENGTH + 8;
const INDEX_LENGTH = 4;

const bodyOf = (batchId: string): string => batchId.slice(4, 4 + BATCH_BODY);

/**
 * The id of a job of a batch: the batch's body, the item's index, the shard of its account. So the jobs of a batch are a
 * range of ids, in the order of its items.
 */
export function batchJobId(batchId: string, index: number, shard: string): string {
  let rest = index;
  let text = "";
  for (let i = 0; i < INDEX_LENGTH; i++) {
    text = ALPHABET.charAt(rest % ALPHABET.length) + text;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return `job_${bodyOf(batchId)}${text}${shard}`;
}

/** Which item of its batch a job was. */
export const indexInBatch = (jobId: string): number =>
  Array.from(jobId.slice(4 + BATCH_BODY, -1)).reduce(
    (sum, one) => sum * ALPHABET.length + ALPHABET.indexOf(one),
    0,
  );

/** The ids of a batch's jobs lie between these two. */
export const batchRange = (batchId: string): { from: string; to: string } => {
  const from = `job_${bodyOf(batchId)}`;
  return { from, to: `${from}~` };
};

/** The smallest id that a thing made at `ms` can have: the bound of a time filter over a primary key. */
export const idFloor = (prefix: IdPrefix, ms: number): string => `${prefix}_${encodeTime(ms)}`;

/** The shard an id lives on: its last character. */
export const shardOf = (id: string): string => id.slice(-1);

/** Whether a text has the form of an id of that prefix. Says nothing about whether it exists. */
export const isId = (prefix: IdPrefix, text: string): boolean =>
  text.startsWith(`${prefix}_`) && /^[a-z]{3}_[0-9A-HJKMNP-TV-Z]{10}[0-9A-Za-z]{13}$/.test(text);
