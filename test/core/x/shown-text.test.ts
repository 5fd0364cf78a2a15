import { describe, expect, test } from "vitest";
import type { Link } from "#core/x/own-tweet";
import { likeness, type Likeness } from "#core/x/shown-text";

const link = (url: string, ...meanings: string[]): Link => ({ url, meanings, media: false });
const links = [
  link("https://t.co/a", "http://Example.com/path", "example.com/path"),
  link("https://t.co/b", "https://twitter.com/ada/status/7"),
  link("https://t.co/s", "https://short.test/1"),
];
const none = { reply: false, appended: () => false };
const compare = (sent: string, text: string, context = {}, noted = false) =>
  likeness(sent, { text, links, noted }, { ...none, ...context });

describe("what reads the same is the same", () => {
  test.each([
    ["hello", "hello"],
    ["", ""],
    [" a\r\n\r\nb\t c ", "a\n\nb c"],
    ["caf\u00e9 \ud55c", "cafe\u0301 \u1112\u1161\u11ab"],
    ["a < b && c", "a &lt; b &amp;&amp; c"],
    ["a &lt; b", "a &amp;lt; b"],
    ["a &lt; b", "a &lt; b"],
    ["\u202eשלום\u202c ☺\ufe0f", "שלום ☺"],
    ["see example.com/path.", "see https://t.co/a."],
    ["(HTTPS://EXAMPLE.COM/path)", "(https://t.co/a)"],
    ["見てhttps://example.com/path/", "見てhttps://t.co/a"],
    ["https://x.com/ada/status/7 yes", "https://t.co/b yes"],
    ["https://t.co/q yes", "https://t.co/q yes"],
    ["Example.com/path,short.test/1", "https://t.co/a,https://t.co/s"],
    ["Example.com/pathshort.test/1", "https://t.co/ahttps://t.co/s"],
    ["https://t.co/q&amp; b", "https://t.co/q&amp; b"],
    ["example.com/path\u200bnow", "https://t.co/a\u200bnow"],
    ["example.com/path\u0301", "https://t.co/a\u0301"],
    ["\0 a", "a"],
  ])("%j as %j", (sent, shown) => {
    expect(compare(sent, shown)).toBe("same");
  });
});

describe("what a reader tells apart is another", () => {
  test.each([
    ["hello", "hell"],
    ["", "hello"],
    ["hello 1", "hello 2"],
    ["hello", "https://t.co/a"],
    ["hello", "hello https://t.co/a"],
    ["see example.com/path now", "see https://t.co/a later"],
    ["@bob hi", "@carol hi"],
    ["😀", "😁"],
    ["I'm", "Im"],
  ])("%j is not %j", (sent, shown) => {
    expect(compare(sent, shown)).toBe("other");
  });
});

describe("what cannot be told is unclear", () => {
  test.each([
    ["a link of another meaning", "go example.com/other now", "go https://t.co/a now"],
    ["a link without a meaning", "go example.com/path now", "go https://t.co/zz now"],
    ["several such in one word", "a.com/1,b.com/2", "https://t.co/a,https://t.co/s"],
    ["other capitals", "Hello World", "hello world"],
    ["other white space", "a b", "ab"],
    ["other width", "ａｂｃ", "abc"],
    ["joiners lost", "👨\u200d👩", "👨👩"],
  ])("%s", (_, sent, shown) => {
    expect(compare(sent, shown)).toBe("unclear");
  });

  test("a long text that was cut, though not one that only begins alike", () => {
    const sent = `see https://example.com/path ${"and so on ".repeat(30)}`;
    const shown = `see https://t.co/a ${"and so on ".repeat(20)}`;
    for (const end of ["… https://t.co/rest", "…", ""]) expect(compare(sent, shown + end)).toBe("unclear");
    expect(compare(sent, shown, {}, true)).toBe("other");
    expect(compare(sent, "see https://t.co/a and so on")).toBe("other");
    expect(compare(shown, sent)).toBe("other");
  });
});

describe("links behind the text", () => {
  const appended = ({ url }: Link) => url !== "https://t.co/s";

  test.each<[string, string, Likeness]>([
    ["look", "look https://t.co/m", "same"],
    ["", "https://t.co/m", "same"],
    ["look x.com/ada/status/7", "look https://t.co/b", "same"],
    ["look x.com/ada/status/7", "look https://t.co/b https://t.co/b https://t.co/m", "same"],
    ["look", "look https://t.co/s", "other"],
    ["look", "look https://t.co/s https://t.co/m", "other"],
    ["look", "see https://t.co/m", "other"],
    ["Look", "look https://t.co/m", "unclear"],
  ])("%j as %j with something attached: %s", (sent, shown, verdict) => {
    expect(compare(sent, shown, { appended })).toBe(verdict);
  });

  test("count as text where nothing is attached", () => {
    expect(compare("look", "look https://t.co/m")).toBe("other");
  });
});

describe("mentions before the text of a reply", () => {
  test.each<[string, string, Likeness]>([
    ["thanks", "@bob @carol thanks", "same"],
    ["@Carol thanks", "@bob @carol thanks", "same"],
    ["", "@bob", "same"],
    ["@carol thanks", "thanks", "unclear"],
    ["@carol thanks", "@dave thanks", "unclear"],
    ["thanks", "@bob no thanks", "other"],
    ["thanks @bob", "@bob thanks", "other"],
  ])("%j as %j: %s", (sent, shown, verdict) => {
    expect(compare(sent, shown, { reply: true })).toBe(verdict);
  });

  test("count elsewhere", () => {
    expect(compare("thanks", "@bob thanks")).toBe("other");
  });
});

test("the longest text is compared at once", () => {
  const sent = "a.b&<\u0301😀 ".repeat(3_000);
  expect(compare(sent, sent.replaceAll("&", "&amp;").replaceAll("<", "&lt;"))).toBe("same");
});
