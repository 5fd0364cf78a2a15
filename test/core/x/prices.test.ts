import { describe, expect, test } from "vitest";
import { endpoints } from "#core/x/endpoints";
import { chargeOf, mostOf, priceOfTweet, readPrices } from "#core/x/prices";

const prices = readPrices(undefined, "X_PRICES");

describe("the prices", () => {
  test("are X's where nothing else is said", () => {
    expect(readPrices("", "X_PRICES")).toMatchObject({ tweet: 15_000, tweet_with_url: 200_000 });
  });

  test("are those of the configuration where it names some", () => {
    expect(readPrices('{"tweet":10}', "X_PRICES")).toMatchObject({ tweet: 10, tweet_with_url: 200_000 });
  });

  test.each([
    ["no JSON", "{"],
    ["a price that is none", '{"tweet":"cheap"}'],
    ["a fraction of a micro-USD", '{"tweet":0.5}'],
    ["less than nothing", '{"tweet":-1}'],
    ["something X does not sell", '{"twet":1}'],
  ])("that are %s are refused with a sentence", (_, json) => {
    expect(() => readPrices(json, "X_PRICES")).toThrow(/^X_PRICES must be a JSON object/);
  });
});

test.each([
  ["a page of unsaid size", endpoints.userTweets, {}, 10_000],
  ["a page of five", endpoints.userMentions, { max_results: 5 }, 5_000],
  ["a home timeline", endpoints.homeTimeline, {}, 500_000],
  ["three tweets", endpoints.tweets, { ids: "1,2,3" }, 15_000],
  ["a tweet", endpoints.tweet, {}, 5_000],
  ["a profile", endpoints.me, {}, 10_000],
])("%s is billed with %#: at most what it may return", (_, endpoint, query, cost) => {
  expect(mostOf(endpoint, prices, query)).toBe(cost);
});

test.each([
  ["a tweet", endpoints.createTweet, { text: "hello" }, null, { cost: 15_000, reads: 0 }],
  ["a tweet without text", endpoints.createTweet, {}, null, { cost: 15_000, reads: 0 }],
  [
    "a tweet with a URL",
    endpoints.createTweet,
    { text: "see example.com" },
    null,
    { cost: 200_000, reads: 0 },
  ],
  ["a deleted tweet", endpoints.deleteTweet, undefined, { data: {} }, { cost: 10_000, reads: 0 }],
  [
    "three tweets of one's own",
    endpoints.userTweets,
    undefined,
    { data: [1, 2, 3] },
    { cost: 3_000, reads: 3 },
  ],
  ["an empty timeline", endpoints.userTweets, undefined, { meta: {} }, { cost: 0, reads: 0 }],
  ["one tweet read", endpoints.tweet, undefined, { data: { id: "1" } }, { cost: 5_000, reads: 1 }],
  [
    "a call that X names no price for",
    { name: "POST /2/oauth2/token" },
    undefined,
    {},
    { cost: 0, reads: 0 },
  ],
])("%s is charged", (_, endpoint, body, answer, charge) => {
  expect(chargeOf(endpoint, prices, body, answer)).toEqual(charge);
});

test("a tweet is priced by whether X will find a URL in it", () => {
  expect(["hi", "x.com", undefined].map((text) => priceOfTweet(prices, text))).toEqual([
    15_000, 200_000, 15_000,
  ]);
});
