import type { Schema } from "./schema.ts";

const id: Schema = { type: "string", pattern: /^[0-9]{1,19}$/ };
const text: Schema = { type: "string" };
const flag: Schema = { type: "boolean" };
const audience: Schema = { type: "string", enum: ["following", "mentionedUsers", "subscribers", "verified"] };
const link: Schema = { type: "object", properties: { url: text }, required: ["url"] };

/** `CreatePostsRequest` of X's OpenAPI document 2.167: no level takes a property it does not name. */
export const postSchema: Schema = {
  type: "object",
  properties: {
    card_uri: text,
    community_id: id,
    direct_message_deep_link: text,
    edit_options: { type: "object", properties: { previous_post_id: id }, required: ["previous_post_id"] },
    for_super_followers_only: flag,
    geo: { type: "object", properties: { place_id: text }, required: ["place_id"] },
    made_with_ai: flag,
    media: {
      type: "object",
      required: ["media_ids"],
      properties: {
        call_to_actions: {
          type: "object",
          properties: {
            app_install: {
              type: "object",
              properties: { app_store_id: text, ipad_app_store_id: text, play_store_id: text },
            },
            visit_site: link,
            watch_now: link,
          },
        },
        description: text,
        embeddable: flag,
        media_ids: { type: "array", items: id, minItems: 1, maxItems: 4 },
        preview_media_id: id,
        tagged_user_ids: { type: "array", items: id, maxItems: 10 },
        title: text,
      },
    },
    nullcast: flag,
    paid_partnership: flag,
    poll: {
      type: "object",
      required: ["options", "duration_minutes"],
      properties: {
        duration_minutes: { type: "integer", minimum: 5, maximum: 10_080 },
        options: {
          type: "array",
          items: { type: "string", minLength: 1, maxLength: 25 },
          minItems: 2,
          maxItems: 4,
        },
        reply_settings: audience,
      },
    },
    quote_tweet_id: id,
    reply: {
      type: "object",
      required: ["in_reply_to_tweet_id"],
      properties: {
        auto_populate_reply_metadata: flag,
        exclude_reply_user_ids: { type: "array", items: text },
        in_reply_to_tweet_id: id,
      },
    },
    reply_settings: audience,
    share_with_followers: flag,
    text,
  },
};
