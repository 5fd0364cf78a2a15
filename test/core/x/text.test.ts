import { expect, test } from "vitest";
import { weigh } from "#core/x/text";

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
