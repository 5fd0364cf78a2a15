import { z } from "zod";
import { again, done, fail, type Outcome } from "#core/lib/outcome";
import { Problem, type ProblemBody } from "#core/lib/problem";
import type { XClient } from "#core/x/client";
import { endpoints } from "#core/x/endpoints";
import { priceOfTweet } from "#core/x/prices";
import { deleteTweet } from "#core/x/tweets";
import { defineJob, type RunContext, type Warning } from "../define.ts";
import { accountId } from "./account-id.ts";
import { tweetFields, tweetMistakes, tweetWarnings, type TweetFields } from "./tweet-fields.ts";
import { lookFor, urlOf } from "./tweet-look.ts";
import { mediaIn, postTweet, sentBody } from "./tweet-media.ts";

const fields = z.strictObject({
  account_id: accountId,
  // An edit makes no new tweet, so nothing could be hung on it.
  tweets: z
    .array(tweetFields.omit({ edit_options: true }))
    .min(2)
    .max(100)
    .describe("In order; each replies to the one before. Only the first may have `reply_to`."),
  on_partial: z
    .enum(["resume", "hold", "delete"])
    .default("resume")
    .describe(
      "When X refuses one of them for good, the job has failed. `resume`: what is posted stays, and a retry goes on. " +
        "`hold`: the same, and the account posts nothing else until it is retried or canceled. `delete`: what is " +
        "posted is deleted first, the last one first.",
    ),
});

type Params = z.output<typeof fields>;

/**
 * Where a thread stands: its tweets at X, those taken back again, and X's no for which they are. `media_renewed`: the media of
 * the next one were sent anew.
 */
type Standing = {
  tweet_ids: string[];
  deleted_ids: string[];
  refusal: ProblemBody | null;
  media_renewed?: boolean;
};

const BEGINNING: Standing = { tweet_ids: [], deleted_ids: [], refusal: null };

/**
 * Post a thread, one tweet a run. What is posted is written before the next one is sent, and only the one that is unclear is
 * looked for.
 */
export const threadCreate = defineJob({
  name: "thread.create",
  queue: "tweets",
  lane: "tweets",
  part: "tweets",
  token: true,
  endpoint: endpoints.createTweet.name,
  ordered: true,
  scopes: ["tweet.read", "tweet.write", "users.read"],
  params: fields.superRefine(
    (value, context) => {
      for (const { path, code, message } of mistakes(value))
        context.addIssue({ code: "custom", path, message, params: { code } });
    },
    { when: ({ value }) => typeof value === "object" && value !== null },
  ),
  example: {
    account_id: "acc_01KAB3C4D5V1StGXR8Z5jd0",
    tweets: [{ text: "It was the best of times," }, { text: "it was the worst of times." }],
  },
  // For each of its tweets.
  backoff: { attempts: 8, base_s: 10, cap_s: 900 },
  repeatable: false,

  cost({ tweets }, prices, checkpoint) {
    const { tweet_ids, refusal } = standingOf(checkpoint);
    if (refusal) return tweet_ids.length * prices.tweet_deleted;
    return tweets.slice(tweet_ids.length).reduce((sum, { text }) => sum + priceOfTweet(prices, text), 0);
  },
  warnings,
  media: ({ tweets }) => tweets.flatMap((tweet, index) => mediaIn(tweet, ["tweets", index])),

  async run({ params, checkpoint }, context) {
    const standing = standingOf(checkpoint);
    if (standing.refusal) return takeBack(standing, standing.refusal, context);
    const unready = standing.tweet_ids.length === 0 ? await unreadyIn(params, context) : null;
    if (unready) return unready;
    const made = await postTweet(context, nextOf(params, standing), standing);
    return "outcome" in made ? made.outcome : posted(params, standing, made.id);
  },

  async reconcile({ params, checkpoint }, { sent, ...context }) {
    const standing = standingOf(checkpoint);
    // A delete may be done twice. With nothing left to delete, nothing was sent.
    if (standing.refusal)
      return standing.tweet_ids.length > 0
        ? takeBack(standing, standing.refusal, context)
        : again(standing, 0, { step: true });
    const look = await lookFor(context.x, await sentBody(context, nextOf(params, standing)), sent);
    return look.type === "done" && look.newest !== undefined ? posted(params, standing, look.newest) : look;
  },

  found: (id, { params, checkpoint }) => posted(params, standingOf(checkpoint), id),

  undo({ params, checkpoint }, problem) {
    const standing = standingOf(checkpoint);
    const isToBe = params.on_partial === "delete" && !standing.refusal && standing.tweet_ids.length > 0;
    return isToBe ? { ...standing, refusal: problem.toJSON() } : null;
  },

  amend({ params, checkpoint }, { tweets }) {
    const posted = standingOf(checkpoint).tweet_ids.length;
    if (tweets.length <= posted)
      return [
        { pointer: "/tweets", code: "too_small", detail: `${posted} are posted: it goes on behind them` },
      ];
    return params.tweets.slice(0, posted).flatMap((tweet, index) => {
      const detail = "This one is posted: it stays as it is";
      return JSON.stringify(tweet) === JSON.stringify(tweets[index])
        ? []
        : [{ pointer: `/tweets/${index}`, code: "immutable", detail }];
    });
  },

  holds: ({ on_partial }) => on_partial === "hold",
});

const standingOf = (checkpoint: unknown): Standing => ({
  ...BEGINNING,
  ...(checkpoint as Partial<Standing> | null | undefined),
});

/** Before its first tweet a thread waits for the media of all of them: nobody reads half of it, and a no comes before there is any. */
async function unreadyIn({ tweets }: Params, { media }: Pick<RunContext, "media">): Promise<Outcome | null> {
  const resolved = await media.resolve([...new Set(tweets.flatMap(({ media = [] }) => media))]);
  return "outcome" in resolved ? resolved.outcome : null;
}

/** The tweet that comes next, as its client would write it. */
function nextOf({ tweets }: Params, { tweet_ids }: Standing): TweetFields {
  const reply_to = tweet_ids.at(-1);
  const tweet = tweets[tweet_ids.length];
  if (!tweet) throw new Error("the thread has no more tweets");
  return { ...tweet, ...(reply_to !== undefined && { reply_to }) };
}

/** The next tweet is there, with that id: it is the last, or the thread goes on. */
function posted({ tweets }: Params, before: Standing, id: string): Outcome {
  const { media_renewed: _, ...rest } = before;
  const standing = { ...rest, tweet_ids: [...before.tweet_ids, id] };
  const result = resultOf(standing);
  return standing.tweet_ids.length === tweets.length
    ? done(result, { newest: id })
    : again(standing, 0, { result, step: true, newest: id });
}

/** Delete the last of the posted tweets; without any, the thread has failed, and a retry begins it anew. */
async function takeBack(
  standing: Standing,
  { code, ...extra }: ProblemBody,
  { x, now, resetOf }: Pick<RunContext, "now" | "resetOf"> & { x: XClient },
): Promise<Outcome> {
  const id = standing.tweet_ids.at(-1);
  if (id === undefined) return fail(new Problem(code, extra), { ...standing, refusal: null });
  // A tweet that is not there any more counts as deleted, and X never says that it did not.
  await deleteTweet(x, id);
  const left: Standing = {
    ...standing,
    tweet_ids: standing.tweet_ids.slice(0, -1),
    deleted_ids: [id, ...standing.deleted_ids],
  };
  const reset = left.tweet_ids.length === 0 ? null : resetOf(endpoints.deleteTweet.name);
  const after_s = reset === null ? 0 : Math.max(0, reset - now()) / 1000;
  return again(left, after_s, { result: resultOf(left), step: true });
}

const resultOf = ({ tweet_ids, deleted_ids }: Standing) => ({
  tweet_ids,
  url: tweet_ids[0] === undefined ? null : urlOf(tweet_ids[0]),
  ...(deleted_ids.length > 0 && { deleted_ids }),
});

type Mistake = { path: (string | number)[]; code: string; message: string };

/** `value` may be wrong in single fields too. */
function mistakes({ tweets }: Params): Mistake[] {
  if (!Array.isArray(tweets)) return [];
  return tweets.flatMap((tweet: unknown, index) => {
    if (typeof tweet !== "object" || tweet === null) return [];
    const fields = tweet as TweetFields;
    const own = index === 0 ? tweetMistakes(fields) : tweetMistakes({ ...fields, reply_to: "0" });
    const taken =
      index > 0 && fields.reply_to !== undefined
        ? [{ path: "reply_to", code: "not_first", message: "It replies to the tweet before it" }]
        : [];
    return [...own, ...taken].map((one) => ({ ...one, path: ["tweets", index, one.path] }));
  });
}

function warnings({ tweets }: Params): Warning[] {
  return tweets.flatMap((tweet, index) => {
    const first = tweets.findIndex(({ text }) => text !== undefined && text.trim() === tweet.text?.trim());
    const same = { code: "duplicate_text", detail: `Like tweet ${first + 1}: X refuses a text said twice` };
    const own = first >= 0 && first < index ? [...tweetWarnings(tweet), same] : tweetWarnings(tweet);
    return own.map(({ code, detail }) => ({ code, detail: `Tweet ${index + 1}: ${detail}` }));
  });
}
