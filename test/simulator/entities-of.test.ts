import { expect, test } from "vitest";
import { entitiesOf, mentionsIn } from "../../simulator/entities-of.ts";
import { idOf, newX } from "./support.ts";

const entities = async (text: string) => {
  const { post, send } = newX({ random: () => 0 });
  const reply = await send("GET", `/2/tweets/${idOf(await post(text))}?tweet.fields=entities`);
  return (reply.body as { data: { entities?: unknown } }).data.entities;
};

test("mentions, hashtags, cashtags and URLs are found with their places", async () => {
  expect(await entities("🐱 @ada #Tag $TWTR example.com")).toEqual({
    mentions: [{ start: 2, end: 6, username: "ada" }],
    hashtags: [{ start: 7, end: 11, tag: "Tag" }],
    cashtags: [{ start: 12, end: 17, tag: "TWTR" }],
    urls: [
      {
        start: 18,
        end: 41,
        url: "https://t.co/aaaaaaaaaa",
        expanded_url: "http://example.com",
        display_url: "example.com",
      },
    ],
  });
});

test("a text without any has no entities", async () => {
  expect(await entities("1 & 2 cost $5, or #1")).toBeUndefined();
});

test("an address is no mention", () => {
  expect(mentionsIn("@Ada mail bob@example.com, @@carl")).toEqual(["ada"]);
});

test("only links that stand in the text are named", () => {
  const url = { url: "https://t.co/a", expanded_url: "http://a.com", display_url: "a.com" };
  const urls = [
    { ...url, start: 2, end: 16 },
    { ...url, start: 40, end: 54 },
  ];
  expect(entitiesOf("🐱 https://t.co/a and on", urls)).toEqual({ urls: [urls[0]] });
});
