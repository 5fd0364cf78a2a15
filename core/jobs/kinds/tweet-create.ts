import { z } from "zod";
import { done } from "#core/lib/outcome";
import { weigh } from "#core/x/text";
import { tweetBody, xId, type TweetBody } from "#core/x/tweet-body";
import { createTweet } from "#core/x/tweets";
import { defineJob } from "../define.ts";
import { lookFor, urlOf } from "./tweet-look.ts";
import { accountId } from "./account-id.ts";

const wire = tweetBody.shape;

const fields = z.strictObject({
  account_id: accountId,
  text: z.string().optional().describe("The text, up to 280 weighted characters, 25,000 with Premium."),
  media: z
    .array(xId)
    .min(1)
    .max(4)
    .optional()
    .describe("X's media ids: up to 4 photos, or 1 GIF, or 1 video."),
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

type Fields = z.output<typeof fields>;

/** X takes at most one of these in a tweet. */
const EXCLUSIVE = ["poll", "quote", "direct_message_deep_link", "media", "card_uri"] as const;

/** Post one tweet. */
export const tweetCreate = defineJob({
  name: "tweet.create",
  queue: "tweets",
  lane: "tweets",
  part: "tweets",
  token: true,
  endpoint: "POST /2/tweets",
  ordered: true,
  scopes: ["tweet.read", "tweet.write", "users.read"],
  // Also when single fields are wrong, so that a client hears of every mistake at once.
  params: fields.superRefine(
    (value, context) => {
      for (const { path, code, message } of [...exclusive(value), ...text(value), ...dependent(value)])
        context.addIssue({ code: "custom", path: [path], message, params: { code } });
    },
    { when: ({ value }) => typeof value === "object" && value !== null },
  ),
  example: { account_id: "acc_01KAB3C4D5V1StGXR8Z5jd0", text: "It was the best of times." },
  // Each attempt that X did not answer clearly is looked into before the next: many are safe.
  backoff: { attempts: 8, base_s: 10, cap_s: 900 },
  // X has no idempotency key: posting again after an unclear answer is how tweets come out twice.
  repeatable: false,

  warnings: ({ text }) =>
    text !== undefined && weigh(text).needs_premium
      ? [{ code: "needs_premium", detail: "Over 280 characters: X takes this from Premium accounts only" }]
      : [],

  async run({ params }, { x }) {
    const { id } = await createTweet(x, wireBody(params));
    return done(resultOf(id), { newest: id });
  },

  reconcile: ({ params }, { x, sent }) => lookFor(x, wireBody(params), sent),
  found: resultOf,
});

function resultOf(id: string) {
  return { tweet_id: id, url: urlOf(id) };
}

type Mistake = { path: keyof Fields; code: string; message: string };

function exclusive(value: Fields): Mistake[] {
  const given = EXCLUSIVE.filter((name) => value[name] !== undefined);
  const message = `A tweet takes only one of ${EXCLUSIVE.join(", ")}`;
  return given.length < 2 ? [] : given.map((path) => ({ path, code: "exclusive", message }));
}

function text(value: Fields): Mistake[] {
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

function dependent(value: Fields): Mistake[] {
  const pairs = [
    ["media_options", "media"],
    ["exclude_reply_user_ids", "reply_to"],
  ] as const;
  return pairs
    .filter(([path, other]) => value[path] !== undefined && value[other] === undefined)
    .map(([path, other]) => ({ path, code: "dependent", message: `Goes with ${other} only` }));
}

/** Our fields as X names them. */
function wireBody(params: Fields): TweetBody {
  const {
    account_id: _,
    text,
    media,
    media_options,
    reply_to,
    exclude_reply_user_ids,
    quote,
    ...same
  } = params;
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
