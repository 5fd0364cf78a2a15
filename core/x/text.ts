// The main file of twitter-text is half as big again, and its ES modules load only through a bundler.
import configs from "twitter-text/dist/configs.js";
import extractUrls from "twitter-text/dist/extractUrlsWithIndices.js";
import type { UrlWithIndices } from "twitter-text";
import parseTweet from "twitter-text/dist/parseTweet.js";

const FREE_WEIGHT = 280;
const PREMIUM_WEIGHT = 25_000;
const URL_WEIGHT = 23;

/** More UTF-16 units than 25,000 weighted characters have: the longest emoji have 11 for a weight of 2. */
const MAX_UNITS = 150_000;

const config = { ...configs.version3, maxWeightedTweetLength: PREMIUM_WEIGHT };

export type Weight = { weight: number; valid: boolean; needs_premium: boolean };

/**
 * Count a text as X does (twitter-text, version 3): most letters 1, CJK and emoji 2, a URL 23, after NFC.
 * `valid` is false for nothing, for more than 25,000 and for characters X refuses; more than 280 needs Premium.
 * A first check only: X is the authority, and its tables of emoji and domains are newer.
 */
export const weigh = (text: string): Weight => seen(text).weight;

/**
 * Whether X will find a URL in a text, which it makes a link and bills as one: a bare domain is one too. What is too long to be
 * a tweet is not searched.
 */
export const containsUrl = (text: string): boolean => seen(text).has_url;

type Seen = { text: string; weight: Weight; has_url: boolean };

/** A text is weighed, searched for mistakes and priced in one go, and a batch has ten thousand of them. */
let last: Seen = { text: "", weight: weightOf(0, false), has_url: false };

function seen(text: string): Seen {
  if (text !== last.text) last = text.length > MAX_UNITS ? tooLong(text) : read(text);
  return last;
}

function weightOf(weight: number, valid: boolean): Weight {
  return { weight, valid, needs_premium: weight > FREE_WEIGHT };
}

const tooLong = (text: string): Seen => ({ text, weight: weightOf(text.length, false), has_url: false });

/** No URL without it: the last part of a host begins with a letter. */
const DOT_AND_LETTER = /\.\p{L}/u;

/** Some of what emoji are made of, of each of them; and characters that X refuses. Most texts have none. */
const EMOJI_OR_REFUSED =
  /[\xa9\xae\u200d\u203c\u2049\u20e3\u2122\u2139-\u2bff\u3030\u303d\u3297\u3299\ud800-\uf8ff\ufe00-\ufe0f\ufeff\ufffe\uffff]/;

function read(text: string): Seen {
  const normal = withoutEndlessNames(text).normalize();
  const urls = DOT_AND_LETTER.test(normal) ? extractUrls(normal) : [];
  const has_url = urls.length > 0;
  if (EMOJI_OR_REFUSED.test(normal)) {
    const { weightedLength, valid } = parseTweet(normal, config);
    return { text, weight: weightOf(weightedLength, valid), has_url };
  }
  const weight = count(normal, urls);
  return { text, weight: weightOf(weight, weight > 0 && weight <= PREMIUM_WEIGHT), has_url };
}

/** What `parseTweet` counts where there are no emoji, thirty times as fast. */
function count(text: string, urls: readonly UrlWithIndices[]): number {
  let weight = 0;
  let at = 0;
  for (const { url, indices } of urls) {
    weight += letters(text, at, indices[0]) + URL_WEIGHT;
    at = indices[0] + url.length;
  }
  return weight + letters(text, at, text.length);
}

function letters(text: string, from: number, to: number): number {
  let weight = 0;
  for (let at = from; at < to; at++) weight += isLight(text.charCodeAt(at)) ? 1 : 2;
  return weight;
}

const isLight = (unit: number): boolean =>
  unit <= 0x10ff ||
  (unit >= 0x2000 && unit <= 0x200d) ||
  (unit >= 0x2010 && unit <= 0x201f) ||
  (unit >= 0x2032 && unit <= 0x2037);

/**
 * The URL pattern takes quadratic time on "a.a.a.…" (half a second for 25,000 characters). No host name has more than
 * 253, so in runs of thousands a dot ends no host that matters: a comma weighs the same.
 */
const withoutEndlessNames = (text: string) =>
  text.length < 2000 ? text : text.replace(/[^\s/]{2000,}/g, (run) => run.replaceAll(".", ","));
