import { expect, test } from "vitest";
import { echoOf } from "../../simulator/echo.ts";

const echo = (text: string, more = {}, escaped = true) =>
  echoOf({ text, ...more }, "ada", "7", escaped, () => 0);

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

test("media add a link to the post's photos", () => {
  const { text, urls } = echo("look", { media: { media_ids: ["1"] } });
  expect(text).toBe("look https://t.co/aaaaaaaaaa");
  expect(urls[0]?.expanded_url).toBe("https://x.com/ada/status/7/photo/1");
  expect(echo("", { media: { media_ids: ["1"] } }).text).toBe("https://t.co/aaaaaaaaaa");
});

test("markup is escaped as in X's answers, unless switched off", () => {
  expect(echo("a < b & c").text).toBe("a &lt; b &amp; c");
  expect(echo("a < b & c", {}, false).text).toBe("a < b & c");
});

test("a long post is cut, and stands whole in its note", () => {
  const { text, note } = echo("a".repeat(300));
  expect(text).toMatch(/^a{200,}… https:\/\/t\.co\/a{10}$/);
  expect(text.length).toBeLessThanOrEqual(280);
  expect(note).toBe("a".repeat(300));
});
