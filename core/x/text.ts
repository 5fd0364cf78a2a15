// The main file of twitter-text is half as big again, and its ES modules load only through a bundler.
import configs from "twitter-text/dist/configs.js";
import parseTweet from "twitter-text/dist/parseTweet.js";

const FREE_WEIGHT = 280;
const PREMIUM_WEIGHT = 25_000;

/** More UTF-16 units than 25,000 weighted characters have: the longest emoji have 11 for a weight of 2. */
const MAX_UNITS = 150_000;

const config = { ...configs.version3, maxWeightedTweetLength: PREMIUM_WEIGHT };

export type Weight = { weight: number; valid: boolean; needs_premium: boolean };

/**
 * Count a text as X does (twitter-text, version 3): most letters 1, CJK and emoji 2, a URL 23, after NFC.
 * `valid` is false for nothing, for more than 25,000 and for characters X refuses; more than 280 needs Premium.
 * A first check only: X is the authority, and its tables of emoji and domains are newer.
 */
export function weigh(text: string): Weight {
  if (text.length > MAX_UNITS) return { weight: text.length, valid: false, needs_premium: true };
  const { weightedLength, valid } = parseTweet(withoutEndlessNames(text), config);
  return { weight: weightedLength, valid, needs_premium: weightedLength > FREE_WEIGHT };
}

/**
 * The URL pattern takes quadratic time on "a.a.a.…" (half a second for 25,000 characters). No host name has more than
 * 253, so in runs of thousands a dot ends no host that matters: a comma weighs the same.
 */
const withoutEndlessNames = (text: string) =>
  text.replace(/[^\s/]{2000,}/g, (run) => run.replaceAll(".", ","));
