import { expect, test } from "vitest";
import { tweetBodyOf, tweetFields, tweetMistakes, tweetWarnings } from "#core/jobs/kinds/tweet-fields";

test("a tweet is written without saying whose it is", () => {
  expect(tweetFields.safeParse({ text: "a", reply_to: "7" }).success).toBe(true);
  expect(tweetFields.safeParse({ text: "a", account_id: "acc_01KAB3C4D5V1StGXR8Z5jd0" }).success).toBe(false);
});

test("every mistake between its fields is named, each at its field", () => {
  const mistakes = tweetMistakes({ text: "x".repeat(25_001), quote: "1", card_uri: "c", media_options: {} });
  expect(mistakes.map(({ path, code }) => `${path} ${code}`)).toEqual([
    "quote exclusive",
    "card_uri exclusive",
    "text too_long",
    "media_options dependent",
  ]);
});

test("X is sent its own names, and a text also where there is none", () => {
  expect(tweetBodyOf({ reply_to: "7", media: ["1"] })).toEqual({
    text: "",
    reply: { in_reply_to_tweet_id: "7" },
    media: { media_ids: ["1"] },
  });
});

test("a text that only Premium accounts may post is taken with a warning", () => {
  expect(tweetWarnings({ text: "x".repeat(280) })).toEqual([]);
  expect(tweetWarnings({ text: "x".repeat(281) }).map(({ code }) => code)).toEqual(["needs_premium"]);
});
