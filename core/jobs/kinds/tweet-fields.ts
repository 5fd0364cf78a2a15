import { z } from "zod";
import { containsUrl, weigh } from "#core/x/text";
import { tweetBody, xId, type TweetBody } from "#core/x/tweet-body";
import type { Warning } from "../define.ts";
import { mediaId } from "./media-id.ts";

const wire = tweetBody.shape;

/** A tweet as clients write it, whether it goes out alone or in a thread. */
export const tweetFields = z.strictObject({
  text: z.string().optional().describe("The text, up to 280 weighted characters, 25,000 with Premium."),
  media: z
    .array(z.union([mediaId, xId]))
    .min(1)
    .max(4)
    .optional()
    .describe("Media uploaded here (med_…) or X's own ids: up to 4 photos, or 1 GIF, or 1 video."),
  media_options: wire.media.unwrap().omit({ media_ids: true }).optional(),
  poll: wire.poll,
  reply_to: xId.optional().describe("The tweet replied to."),
  exclude_reply_user_ids: z.array(xId).optional().describe("Users left out of the reply thread."),
  quote: xId.optional().describe("The tweet to quote."),
  reply_settings: wire.reply_settings,
  edit_options: wire.edit_options,
  geo: wire.geo,
  community_id: wire.community_id,
  card_uri: wire.card_uri,
  direct_message_deep_link: wire.direct_message_deep_link,
  for_super_followers_only: wire.for_super_followers_only,
  share_with_followers: wire.share_with_followers,
  nullcast: wire.nullcast,
  made_with_ai: wire.made_with_ai,
  paid_partnership: wire.paid_partnership,
});

export type TweetFields = z.output<typeof tweetFields>;

/** X takes at most one of these in a tweet. */
const EXCLUSIVE = ["poll", "quote", "direct_message_deep_link", "media", "card_uri"] as const;

export type Mistake = { path: keyof TweetFields; code: string; message: string };

/** What is wrong between the fields of a tweet. `value` may be wrong in single fields too. */
export const tweetMistakes = (value: TweetFields): Mistake[] => [
  ...exclusive(value),
  ...text(value),
  ...dependent(value),
];

/** What a client should know of a tweet that is taken all the same. */
export function tweetWarnings({ text = "" }: Pick<TweetFields, "text">): Warning[] {
  const warnings: Warning[] = [];
  if (weigh(text).needs_premium)
    warnings.push({
      code: "needs_premium",
      detail: "Over 280 characters: X takes this from Premium accounts only",
    });
  if (containsUrl(text))
    warnings.push({ code: "contains_url", detail: "X bills a tweet with a link at a higher price" });
  return warnings;
}

function exclusive(value: TweetFields): Mistake[] {
  const given = EXCLUSIVE.filter((name) => value[name] !== undefined);
  const message = `A tweet takes only one of ${EXCLUSIVE.join(", ")}`;
  return given.length < 2 ? [] : given.map((path) => ({ path, code: "exclusive", message }));
}

function text(value: TweetFields): Mistake[] {
  const given: unknown = value.text ?? "";
  if (typeof given !== "string") return [];
  const mistake = (code: string, message: string): Mistake[] => [{ path: "text", code, message }];
  if (given.trim() === "") {
    const attached = EXCLUSIVE.some((name) => value[name] !== undefined);
    return attached ? [] : mistake("required", "Text is needed, or something attached");
  }
  const { weight, valid } = weigh(given);
  if (weight > 25_000)
    return mistake("too_long", `The text weighs ${weight} characters; X takes 25,000 at most`);
  return valid && given.isWellFormed()
    ? []
    : mistake("invalid_characters", "The text has characters that X does not take");
}

function dependent(value: TweetFields): Mistake[] {
  const pairs = [
    ["media_options", "media"],
    ["exclude_reply_user_ids", "reply_to"],
  ] as const;
  return pairs
    .filter(([path, other]) => value[path] !== undefined && value[other] === undefined)
    .map(([path, other]) => ({ path, code: "dependent", message: `Goes with ${other} only` }));
}

/** Our fields as X names them. */
export function tweetBodyOf(fields: TweetFields): TweetBody {
  const { text, media, media_options, reply_to, exclude_reply_user_ids, quote, ...same } = fields;
  return {
    ...same,
    text: text ?? "",
    ...(media && { media: { ...media_options, media_ids: media } }),
    ...(reply_to !== undefined && {
      reply: { in_reply_to_tweet_id: reply_to, ...(exclude_reply_user_ids && { exclude_reply_user_ids }) },
    }),
    ...(quote !== undefined && { quote_tweet_id: quote }),
  };
}
