import { describe, expect, test } from "vitest";
import { z } from "zod";
import { tweetBody } from "#core/x/tweet-body";

const accepts = (body: unknown) => tweetBody.safeParse(body).success;

test("an empty text is sent as text", () => {
  expect(tweetBody.parse({ media: { media_ids: ["1"] } })).toEqual({ text: "", media: { media_ids: ["1"] } });
});

test("a body with every field of X's passes unchanged", () => {
  const body = {
    text: "hi",
    media: {
      media_ids: ["1", "2", "3", "4"],
      tagged_user_ids: ["5"],
      preview_media_id: "6",
      title: "t",
      description: "d",
      embeddable: true,
      call_to_actions: {
        app_install: { app_store_id: "1", ipad_app_store_id: "2", play_store_id: "3" },
        visit_site: { url: "https://example.com" },
        watch_now: { url: "https://example.com" },
      },
    },
    poll: { options: ["a", "b"], duration_minutes: 5, reply_settings: "verified" },
    reply: { in_reply_to_tweet_id: "7", exclude_reply_user_ids: ["8"], auto_populate_reply_metadata: true },
    quote_tweet_id: "9",
    reply_settings: "subscribers",
    edit_options: { previous_post_id: "10" },
    geo: { place_id: "df51dec6f4ee2b2c" },
    community_id: "11",
    card_uri: "tombstone://card",
    direct_message_deep_link: "https://twitter.com/messages/compose?recipient_id=1",
    for_super_followers_only: false,
    share_with_followers: false,
    nullcast: false,
    made_with_ai: true,
    paid_partnership: true,
  };
  expect(tweetBody.parse(body)).toEqual(body);
});

describe("nothing unknown passes, at any level", () => {
  test.each([
    ["top", { text: "a", tweet: 1 }],
    ["media", { media: { media_ids: ["1"], alt: "x" } }],
    ["button", { media: { media_ids: ["1"], call_to_actions: { visit_site: { url: "u", x: 1 } } } }],
    ["poll", { poll: { options: ["a", "b"], duration_minutes: 5, x: 1 } }],
    ["reply", { reply: { in_reply_to_tweet_id: "1", x: 1 } }],
    ["edit", { edit_options: { previous_post_id: "1", x: 1 } }],
    ["geo", { geo: { place_id: "1", x: 1 } }],
  ])("%s", (_, body) => {
    expect(accepts(body)).toBe(false);
  });
});

const poll = (options: string[], duration_minutes = 60) => ({ poll: { options, duration_minutes } });

test.each([
  ["a number as id", { quote_tweet_id: 1 }, false],
  ["an id of 20 digits", { quote_tweet_id: "1".repeat(20) }, false],
  ["no media", { media: { media_ids: [] } }, false],
  ["five media", { media: { media_ids: ["1", "2", "3", "4", "5"] } }, false],
  ["eleven tagged users", { media: { media_ids: ["1"], tagged_user_ids: Array(11).fill("1") } }, false],
  ["one option", poll(["a"]), false],
  ["five options", poll(["a", "b", "c", "d", "e"]), false],
  ["an empty option", poll(["a", ""]), false],
  ["an option of 26", poll(["a", "b".repeat(26)]), false],
  ["an option of 25 emoji", poll(["a", "🙂".repeat(25)]), true],
  ["4 minutes", poll(["a", "b"], 4), false],
  ["10080 minutes", poll(["a", "b"], 10_080), true],
  ["10081 minutes", poll(["a", "b"], 10_081), false],
  ["half minutes", poll(["a", "b"], 5.5), false],
  ["replies by everyone, which is leaving it out", { reply_settings: "everyone" }, false],
])("%s", (_, body, expected) => {
  expect(accepts(body)).toBe(expected);
});

test("every field is described, and the schema can be shown as JSON Schema", () => {
  const schema = z.toJSONSchema(tweetBody, { io: "input" });
  expect(schema.additionalProperties).toBe(false);
  for (const property of Object.values(schema.properties ?? {})) {
    expect(property).toHaveProperty("description");
  }
});
