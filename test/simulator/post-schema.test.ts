import { expect, test } from "vitest";
import { postSchema } from "../../simulator/post-schema.ts";
import { flawOf } from "../../simulator/schema.ts";

test("a body with everything X's document names fits", () => {
  const body = {
    card_uri: "card://1",
    community_id: "1",
    direct_message_deep_link: "https://x.com/messages/compose?recipient_id=1",
    edit_options: { previous_post_id: "1" },
    for_super_followers_only: false,
    geo: { place_id: "abc" },
    made_with_ai: true,
    media: {
      media_ids: ["1"],
      tagged_user_ids: [],
      preview_media_id: "1",
      title: "t",
      description: "d",
      embeddable: true,
      call_to_actions: { visit_site: { url: "https://a.test" }, app_install: { play_store_id: "1" } },
    },
    nullcast: false,
    paid_partnership: false,
    poll: { options: ["a", "b"], duration_minutes: 10_080, reply_settings: "verified" },
    quote_tweet_id: "1",
    reply: { in_reply_to_tweet_id: "1", exclude_reply_user_ids: ["2"], auto_populate_reply_metadata: true },
    reply_settings: "mentionedUsers",
    share_with_followers: false,
    text: "hello",
  };
  expect(flawOf(postSchema, body)).toBeNull();
});

test.each([
  [{ media: {} }, "media.media_ids"],
  [{ media: { media_ids: ["1"], alt: "x" } }, "media.alt"],
  [
    { media: { media_ids: ["1"], call_to_actions: { visit_site: {} } } },
    "media.call_to_actions.visit_site.url",
  ],
  [{ reply: {} }, "reply.in_reply_to_tweet_id"],
  [{ geo: { place_id: 1 } }, "geo.place_id"],
  [{ edit_options: { previous_post_id: "x" } }, "edit_options.previous_post_id"],
  [{ poll: { options: ["a", ""], duration_minutes: 5 } }, "poll.options[1]"],
  [{ poll: { options: ["a", "b"], duration_minutes: 10_081 } }, "poll.duration_minutes"],
])("%j is flawed at %s", (body, at) => {
  expect(flawOf(postSchema, body)?.at).toBe(at);
});
