import { z } from "zod";

/** An id of X: decimal digits as text, for it does not fit a JavaScript number. */
export const xId = z.string().regex(/^[0-9]{1,19}$/);

// X counts code points here, `max()` would count UTF-16 units and refuse 13 emoji.
const pollOption = z
  .string()
  .min(1)
  .refine((option) => Array.from(option).length <= 25, "At most 25 characters")
  .meta({ maxLength: 25 });

const replySettings = z.enum(["following", "mentionedUsers", "subscribers", "verified"]);

const link = z.strictObject({ url: z.string().describe("HTTPS URL the button links to.") });

const callToActions = z.strictObject({
  app_install: z
    .strictObject({
      app_store_id: z.string().optional(),
      ipad_app_store_id: z.string().optional(),
      play_store_id: z.string().optional(),
    })
    .optional()
    .describe("Install an app; at least one store id should be given."),
  visit_site: link.optional().describe("Visit a site."),
  watch_now: link.optional().describe("Watch now."),
});

const media = z.strictObject({
  media_ids: z.array(xId).min(1).max(4).describe("X's media ids: up to 4 photos, or 1 GIF, or 1 video."),
  tagged_user_ids: z.array(xId).max(10).optional().describe("Users tagged in the media."),
  preview_media_id: xId.optional().describe("Media shown as the preview image."),
  title: z.string().optional().describe("Title on the card of a video."),
  description: z.string().optional().describe("Description on the card of a video."),
  embeddable: z.boolean().optional().describe("May be played on other sites; its URLs do not expire."),
  call_to_actions: callToActions.optional().describe("A button on the media."),
});

const poll = z.strictObject({
  options: z.array(pollOption).min(2).max(4).describe("2 to 4 choices of 1 to 25 characters."),
  duration_minutes: z.int().min(5).max(10_080).describe("How long the poll is open, in minutes."),
  reply_settings: replySettings.optional().describe("Accepted and ignored by X."),
});

const reply = z.strictObject({
  in_reply_to_tweet_id: xId.describe("The tweet replied to."),
  exclude_reply_user_ids: z.array(z.string()).optional().describe("Users left out of the reply thread."),
  auto_populate_reply_metadata: z.boolean().optional().describe("Accepted and ignored by X."),
});

/**
 * The body of X's `POST /2/tweets` as X has it (`CreatePostsRequest` of its OpenAPI file, version 2.167), nothing
 * unknown at any level. X also wants at most one of poll, quote, deep link, media and card; that is X's to say.
 */
export const tweetBody = z.strictObject({
  text: z.string().default("").describe("The text. Needed unless something else is attached."),
  media: media.optional().describe("Media to attach."),
  poll: poll.optional().describe("A poll to attach."),
  reply: reply.optional().describe("Makes it a reply."),
  quote_tweet_id: xId.optional().describe("The tweet to quote."),
  reply_settings: replySettings.optional().describe("Who may reply; everyone when left out."),
  edit_options: z
    .strictObject({ previous_post_id: xId.describe("The tweet being edited.") })
    .optional()
    .describe("Edit a tweet instead of creating one; the edit has a new id."),
  geo: z
    .strictObject({ place_id: z.string().describe("X's id of the place.") })
    .optional()
    .describe("Where the tweet is from."),
  community_id: xId.optional().describe("The community to post to."),
  card_uri: z.string().optional().describe("A card to attach."),
  direct_message_deep_link: z.string().optional().describe("A link into a direct message conversation."),
  for_super_followers_only: z.boolean().optional().describe("Only super followers see it."),
  share_with_followers: z.boolean().optional().describe("Share an exclusive tweet with all followers."),
  nullcast: z.boolean().optional().describe("Not shown on the public timeline."),
  made_with_ai: z.boolean().optional().describe("Discloses AI-generated media."),
  paid_partnership: z.boolean().optional().describe("Discloses a paid partnership."),
});

export type TweetBody = z.output<typeof tweetBody>;
