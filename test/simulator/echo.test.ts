import { describe, expect, test } from "vitest";
import { type Around, echoOf } from "../../simulator/echo.ts";
import { defaults, type Settings } from "../../simulator/settings.ts";

const nothing: Around = { page: "ada/status/7", media: [], quoted: null, answered: null };
const echo = (text: string, around: Partial<Around> = {}, settings: Partial<Settings> = {}) =>
  echoOf({ text }, { ...nothing, ...around }, { ...defaults, ...settings }, () => 0);
const photo = (media_key: string) => ({ media_key, category: "tweet_image" });

test("plain text comes back as it is", () => {
  expect(echo("hello")).toEqual({ text: "hello", note: null, urls: [] });
});

test("URLs are shortened, and their places are told in code points", () => {
  const { text, urls } = echo("🐱 example.com/a/quite/long/path/indeed ok");
  expect(text).toBe("🐱 https://t.co/aaaaaaaaaa ok");
  expect(urls).toEqual([
    {
      start: 2,
      end: 25,
      url: "https://t.co/aaaaaaaaaa",
      expanded_url: "http://example.com/a/quite/long/path/indeed",
      display_url: "example.com/a/quite/long/p…",
    },
  ]);
});

describe("what is attached", () => {
  test("media add one link to the post's photos, named for each of them", () => {
    const { text, urls } = echo("look", { media: [photo("3_1"), photo("3_2")] });
    expect(text).toBe("look https://t.co/aaaaaaaaaa");
    const expanded_url = "https://x.com/ada/status/7/photo/1";
    expect(urls).toMatchObject([
      { start: 5, expanded_url, media_key: "3_1" },
      { start: 5, expanded_url, media_key: "3_2" },
    ]);
    expect(echo("", { media: [photo("3_1")] }).text).toBe("https://t.co/aaaaaaaaaa");
  });

  test("a video is linked as a video", () => {
    const { urls } = echo("look", { media: [{ media_key: "7_1", category: "tweet_video" }] });
    expect(urls).toMatchObject([{ expanded_url: "https://x.com/ada/status/7/video/1" }]);
  });

  test("a quoted post is linked behind the text", () => {
    const { text, urls } = echo("so true", { quoted: "bob/status/5" });
    expect(text).toBe("so true https://t.co/aaaaaaaaaa");
    expect(urls).toMatchObject([{ start: 8, end: 31, expanded_url: "https://x.com/bob/status/5" }]);
  });
});

describe("a reply to somebody else", () => {
  test.each([
    ["thanks", "@bob thanks"],
    ["thanks @Bob", "thanks @Bob"],
    ["", "@bob"],
  ])("%j reads %j", (text, shown) => {
    expect(echo(text, { answered: "bob" }).text).toBe(shown);
  });

  test("is left as it is when told so", () => {
    expect(echo("thanks", { answered: "bob" }, { reply_mentions: false }).text).toBe("thanks");
  });
});

test("markup is escaped as in X's answers, unless switched off", () => {
  expect(echo("a < b & c").text).toBe("a &lt; b &amp; c");
  expect(echo("a < b & c", {}, { escape_text: false }).text).toBe("a < b & c");
});

test("a text is tidied, unless switched off", () => {
  const text = " e\u0301\r\nb\rc \n";
  expect(echo(text).text).toBe("\u00e9\nb\nc");
  expect(echo(text, {}, { tidy_text: false }).text).toBe(text);
});

test("a long post is cut, and stands whole in its note with all its links", () => {
  const { text, note, urls } = echo(`${"a".repeat(300)} example.com`);
  expect(text).toMatch(/^a{200,}… https:\/\/t\.co\/a{10}$/);
  expect(text.length).toBeLessThanOrEqual(280);
  expect(note).toBe(`${"a".repeat(300)} https://t.co/aaaaaaaaaa`);
  expect(urls).toMatchObject([{ start: 301, end: 324 }]);
});
