import { z } from "zod";
import type { Endpoint } from "./endpoints.ts";
import { containsUrl } from "./text.ts";

/**
 * What X charges, in micro-USD: by request for what is made and deleted, by thing returned for what is read. From X's price
 * list of October 2026. What fails is not billed.
 */
const X_PRICES = {
  tweet: 15_000,
  tweet_with_url: 200_000,
  tweet_deleted: 10_000,
  /** A retweet or a like, and its taking back. */
  interaction: 15_000,
  interaction_deleted: 10_000,
  /** Set or removed. */
  bookmark: 5_000,
  /** A tweet of the account's own, read with its own token. */
  owned_read: 1_000,
  post_read: 5_000,
  user_read: 10_000,
  media_metadata: 5_000,
};

export type Prices = Record<keyof typeof X_PRICES, number>;

const price = z.int().min(0).max(1_000_000_000);
const overrides = z.strictObject(
  Object.fromEntries(Object.keys(X_PRICES).map((name) => [name, price.optional()])),
);

/** X's prices, but for those that a JSON object names: `{"tweet": 10000}`. Throws, with a sentence, on anything else. */
export function readPrices(json: string | undefined, name: string): Prices {
  if (!json) return X_PRICES;
  try {
    return { ...X_PRICES, ...overrides.parse(JSON.parse(json)) };
  } catch {
    const known = Object.keys(X_PRICES).join(", ");
    throw new Error(`${name} must be a JSON object of whole micro-USD by name: ${known}`);
  }
}

/** What one call came to: money, and how many things were read. */
export type Charge = { cost: number; reads: number };

const request = (cost: number): Charge => ({ cost, reads: 0 });
const each = (cost: number, reads: number): Charge => ({ cost: cost * reads, reads });

type Priced = (prices: Prices, body: unknown, answer: unknown) => Charge;

/** By the endpoint's name. What is not here costs nothing, or X does not say what. */
const priced: Record<string, Priced> = {
  "POST /2/tweets": (prices, body) => request(priceOfTweet(prices, textOf(body))),
  "DELETE /2/tweets/:id": (prices) => request(prices.tweet_deleted),
  "POST /2/users/:id/retweets": (prices) => request(prices.interaction),
  "DELETE /2/users/:id/retweets/:source_tweet_id": (prices) => request(prices.interaction_deleted),
  "POST /2/users/:id/likes": (prices) => request(prices.interaction),
  "DELETE /2/users/:id/likes/:tweet_id": (prices) => request(prices.interaction_deleted),
  "POST /2/users/:id/bookmarks": (prices) => request(prices.bookmark),
  "DELETE /2/users/:id/bookmarks/:tweet_id": (prices) => request(prices.bookmark),
  "GET /2/users/:id/tweets": (prices, _, answer) => each(prices.owned_read, countOf(answer)),
  "GET /2/users/:id/mentions": (prices, _, answer) => each(prices.owned_read, countOf(answer)),
  "GET /2/users/:id/timelines/reverse_chronological": (prices, _, answer) =>
    each(prices.post_read, countOf(answer)),
  "GET /2/tweets/:id": (prices, _, answer) => each(prices.post_read, countOf(answer)),
  "GET /2/tweets": (prices, _, answer) => each(prices.post_read, countOf(answer)),
  "GET /2/users/me": (prices, _, answer) => each(prices.user_read, countOf(answer)),
  "POST /2/media/metadata": (prices) => request(prices.media_metadata),
};

/** What X bills for a call it carried out: `body` is what was sent, `answer` what came back. */
export const chargeOf = (
  { name }: Pick<Endpoint, "name">,
  prices: Prices,
  body: unknown,
  answer: unknown,
): Charge => priced[name]?.(prices, body, answer) ?? request(0);

type Query = Record<string, string | number | undefined>;

/** How many things a read may return: what is asked for, or what X returns unasked. */
const most: Record<string, (query: Query) => number> = {
  "GET /2/users/:id/tweets": ({ max_results = 10 }) => Number(max_results),
  "GET /2/users/:id/mentions": ({ max_results = 10 }) => Number(max_results),
  "GET /2/users/:id/timelines/reverse_chronological": ({ max_results = 100 }) => Number(max_results),
  "GET /2/tweets": ({ ids = "" }) => String(ids).split(",").length,
};

/** What X may bill for a read at most. */
export const mostOf = (endpoint: Pick<Endpoint, "name">, prices: Prices, query: Query): number =>
  chargeOf(endpoint, prices, null, { data: Array.from({ length: most[endpoint.name]?.(query) ?? 1 }) }).cost;

/** What a tweet with this text will cost. */
export const priceOfTweet = (prices: Prices, text: string | undefined): number =>
  containsUrl(text ?? "") ? prices.tweet_with_url : prices.tweet;

const textOf = (body: unknown): string | undefined => (body as { text?: string } | null)?.text;

function countOf(answer: unknown): number {
  const data = (answer as { data?: unknown } | null)?.data;
  return Array.isArray(data) ? data.length : Number(data != null);
}
