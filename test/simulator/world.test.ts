import { expect, test } from "vitest";
import { sameness } from "../../simulator/world.ts";

test("composition and outer blanks do not make a post another", () => {
  expect(sameness("1", { text: " e\u0301 " })).toBe(sameness("1", { text: "\u00e9" }));
});

test.each([
  ["the account", sameness("2", { text: "a" })],
  ["the text", sameness("1", { text: "b" })],
  ["the post replied to", sameness("1", { text: "a", reply: { in_reply_to_tweet_id: "5" } })],
  ["the post quoted", sameness("1", { text: "a", quote_tweet_id: "5" })],
  ["the media", sameness("1", { text: "a", media: { media_ids: ["5"] } })],
])("%s does", (_, other) => {
  expect(other).not.toBe(sameness("1", { text: "a" }));
});
