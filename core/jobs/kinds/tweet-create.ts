import { z } from "zod";
import { done } from "#core/lib/outcome";
import { priceOfTweet } from "#core/x/prices";
import { defineJob } from "../define.ts";
import { accountId } from "./account-id.ts";
import { tweetFields, tweetMistakes, tweetWarnings } from "./tweet-fields.ts";
import { mediaIn, postTweet, sentBody } from "./tweet-media.ts";
import { lookFor, urlOf } from "./tweet-look.ts";

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
  params: z.strictObject({ account_id: accountId, ...tweetFields.shape }).superRefine(
    (value, context) => {
      for (const { path, code, message } of tweetMistakes(value))
        context.addIssue({ code: "custom", path: [path], message, params: { code } });
    },
    { when: ({ value }) => typeof value === "object" && value !== null },
  ),
  example: { account_id: "acc_01KAB3C4D5V1StGXR8Z5jd0", text: "It was the best of times." },
  // Each attempt that X did not answer clearly is looked into before the next: many are safe.
  backoff: { attempts: 8, base_s: 10, cap_s: 900 },
  // X has no idempotency key: posting again after an unclear answer is how tweets come out twice.
  repeatable: false,

  cost: ({ text }, prices) => priceOfTweet(prices, text),
  warnings: tweetWarnings,
  once: ({ text = "" }) => {
    const said = text.normalize("NFC").trim();
    return said === "" ? null : said;
  },

  media: (params) => mediaIn(params, []),

  async run({ params: { account_id: _, ...fields }, checkpoint }, context) {
    const made = await postTweet(context, fields, checkpoint);
    return "outcome" in made ? made.outcome : done(resultOf(made.id), { newest: made.id });
  },

  reconcile: async ({ params: { account_id: _, ...fields } }, { sent, ...context }) =>
    lookFor(context.x, await sentBody(context, fields), sent),
  found: (id) => done(resultOf(id)),
});

function resultOf(id: string) {
  return { tweet_id: id, url: urlOf(id) };
}
