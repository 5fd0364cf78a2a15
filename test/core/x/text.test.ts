import fc from "fast-check";
import configs from "twitter-text/dist/configs.js";
import extractUrls from "twitter-text/dist/extractUrlsWithIndices.js";
import parseTweet from "twitter-text/dist/parseTweet.js";
import { expect, test } from "vitest";
import { containsUrl, weigh } from "#core/x/text";

const LONG_URL = `https://example.com/${"a".repeat(300)}`;

test.each([
  ["letters weigh 1", "Hello, world!", 13],
  ["accents weigh 1, composed or not", "cafe\u0301", 4],
  ["CJK weighs 2", "日本語", 6],
  ["an emoji weighs 2", "👋", 2],
  ["a family is one emoji", "H🐱☺👨‍👩‍👧‍👦", 7],
  ["skin tone and profession are one emoji each", "🙋🏽👨‍🎤", 4],
  ["a flag is one emoji", "🇯🇵", 2],
  ["a URL weighs 23, however short", "http://x.co", 23],
  ["a URL weighs 23, however long", LONG_URL, 23],
  ["a bare domain is a URL", "see example.com", 27],
  ["quotes and dashes weigh 1", "“a” – b", 7],
  ["Arabic weighs 1", "مرحبا", 5],
])("%s", (_, text, weight) => {
  expect(weigh(text)).toEqual({ weight, valid: true, needs_premium: false });
});

test.each([
  ["280 fit everyone", "a".repeat(280), { weight: 280, valid: true, needs_premium: false }],
  ["281 need Premium", "a".repeat(281), { weight: 281, valid: true, needs_premium: true }],
  ["141 CJK characters need Premium", "字".repeat(141), { weight: 282, valid: true, needs_premium: true }],
  ["25,000 fit Premium", "a".repeat(25_000), { weight: 25_000, valid: true, needs_premium: true }],
  ["25,001 fit nobody", "a".repeat(25_001), { weight: 25_001, valid: false, needs_premium: true }],
  ["nothing is no text", "", { weight: 0, valid: false, needs_premium: false }],
  ["a non-character is refused", "a\uFFFEb", { weight: 4, valid: false, needs_premium: false }],
  ["a megabyte is not even counted", "a".repeat(1e6), { weight: 1e6, valid: false, needs_premium: true }],
])("%s", (_, text, expected) => {
  expect(weigh(text)).toEqual(expected);
});

test.each([
  ["a dotted run", "a.".repeat(12_500)],
  ["a dashed run", `${"a-".repeat(12_498)}.com`],
  ["an accented run", "é.".repeat(12_500)],
])("%s of 25,000 characters is counted, not searched for URLs", (_, text) => {
  expect(weigh(text)).toMatchObject({ weight: 25_000, valid: true });
});

test.each([
  ["an address", "see https://example.com/a", true],
  ["an address in the middle of CJK", "見てhttps://example.com/ね", true],
  ["a bare domain", "see example.com", true],
  ["a shortened link", "https://t.co/abc", true],
  ["words", "no link here. Or is there", false],
  ["a number with dots", "version 1.2.3", false],
  ["a mail address", "write to ada@example", false],
  ["nothing", "", false],
])("%s: whether X makes it a link", (_, text, expected) => {
  expect(containsUrl(text)).toBe(expected);
});

test("a text that is searched for URLs takes no longer for being full of dots", () => {
  expect(containsUrl("a.".repeat(12_500))).toBe(false);
});

/** As X's own library says. */
const judged = (text: string) => {
  const normal = text.normalize();
  const { weightedLength, valid } = parseTweet(normal, {
    ...configs.version3,
    maxWeightedTweetLength: 25_000,
  });
  return { weight: weightedLength, valid, has_url: extractUrls(normal).length > 0 };
};

const counted = (text: string) => {
  const { weight, valid } = weigh(text);
  return { weight, valid, has_url: containsUrl(text) };
};

test("every character there is, alone and within words, weighs what twitter-text says", () => {
  const wrong: string[] = [];
  for (let code = 0; code < 0x11_0000; code += code < 0x1_0000 ? 1 : 37)
    for (const text of [String.fromCodePoint(code), `a${String.fromCodePoint(code)}\ufe0f b`])
      if (JSON.stringify(counted(text)) !== JSON.stringify(judged(text))) wrong.push(code.toString(16));
  expect(wrong).toEqual([]);
});

/** What weights, URLs and emoji are made of, and what ends them. */
const PIECES = [
  ...Array.from("aZ5é日ก한ß.../::?#@_-–“…, \n\t\u0301\u200d\ufe0f\u20e3\u202a\u061c\ufeff\uffff\ud83d"),
  ...[
    "https://",
    "http://",
    "example",
    ".com",
    ".co.jp",
    ".日本",
    "みんな.みんな",
    "t.co/",
    "/a?b=c",
    ":8080",
    "xn--p1ai",
    "☕",
    "👩‍💻",
    "🇯🇵",
    "1⃣",
    "©",
    "Ω",
  ],
];

test("whatever is written, it weighs what twitter-text says, and is a link where that finds one", () => {
  const written = fc.array(
    fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: "grapheme", maxLength: 3 })),
    {
      maxLength: 40,
    },
  );
  fc.assert(
    fc.property(written, (parts) => {
      const text = parts.join("");
      expect(counted(text)).toEqual(judged(text));
    }),
    { numRuns: 3000 },
  );
});
