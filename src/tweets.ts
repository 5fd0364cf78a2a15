import { z } from "zod";
import { accountId } from "#core/jobs/kinds/account-id";
import { tweetCreate } from "#core/jobs/kinds/tweet-create";
import { tweetDelete } from "#core/jobs/kinds/tweet-delete";
import { xId } from "#core/x/tweet-body";
import { accept, accepted } from "./accept.ts";
import { bodyOf, readOrder } from "./order.ts";
import { defineRoute } from "./route.ts";

/** Any JSON object: its fields are read by the kind's own schema, so that all mistakes are found at once. */
export const anyObject = z.record(z.string(), z.unknown());

/** POST /v1/tweets: shorthand for a `tweet.create` job. */
export const postTweet = defineRoute({
  method: "POST",
  path: "/v1/tweets",
  summary: "Post a tweet",
  scope: "jobs:write",
  body: anyObject,
  shown: bodyOf(tweetCreate),
  example: tweetCreate.example,
  answers: accepted,
  handle: (call) => accept(call, (now) => readOrder(tweetCreate, call.body, now, "top")),
});

/** DELETE /v1/tweets/{x_id}: shorthand for a `tweet.delete` job. */
export const deleteTweet = defineRoute({
  method: "DELETE",
  path: "/v1/tweets/{x_id}",
  summary: "Delete a tweet",
  scope: "jobs:write",
  params: z.strictObject({ x_id: xId }),
  query: z.strictObject({ account_id: accountId, dry_run: z.enum(["true", "false"]).optional() }),
  answers: accepted,
  handle: (call) => {
    const given = {
      account_id: call.query.account_id,
      tweet_id: call.params.x_id,
      dry_run: call.query.dry_run === "true",
    };
    return accept(call, (now) => readOrder(tweetDelete, given, now, "top"));
  },
});
