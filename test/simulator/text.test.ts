import twitterText from "twitter-text";
import { expect, test } from "vitest";
import { urlsIn, weightedLength } from "../../simulator/text.ts";

test.each([
  ["", 0],
  ["Hello, world! 👋", 16],
  ["H🐱☺👨‍👩‍👧‍👦", 7],
  ["🙋🏽👨‍🎤", 4],
  ["日本語", 6],
  ["e\u0301", 1],
  ["“quoted” – and more…", 21],
  ["see https://example.com/a/very/long/path?with=a&query=string#and-more", 27],
  ["example.com and example.com", 51],
  ["ada@example.com", 15],
  ["1️⃣ 🇩🇪", 5],
])("%j weighs %i", (text, weight) => {
  expect(weightedLength(text)).toBe(weight);
});

test.each([
  "plain words only",
  "a link: http://example.com.",
  "(https://example.com/path)",
  "https://example.com/wiki/A_(b) and on",
  "https://sub.example.co.uk:8080/x?y=z, then",
  "not.a.domainname but example.org/path is",
  "mail ada@example.com or @ada #tag $TWTR",
  "https://localhost/x and http://a.test",
  "https://日本語.jp/パス",
  "mixed 日本語 and emoji 😀😀 with https://t.co/abc",
  "version 1.2.3, e.g. this one...and.so.on",
  "https://example.com?query=1",
  "HTTPS://EXAMPLE.COM/UP",
])("%j is counted as X's own library counts it", (text) => {
  expect(weightedLength(text)).toBe(twitterText.parseTweet(text).weightedLength);
});

test("a URL is found without the full stop that ends its sentence", () => {
  const text = "See https://example.com/a. Or example.org!";
  expect(urlsIn(text).map(({ start, end }) => text.slice(start, end))).toEqual([
    "https://example.com/a",
    "example.org",
  ]);
});
