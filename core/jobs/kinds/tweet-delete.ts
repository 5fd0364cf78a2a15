import { z } from "zod";
import { done, fail } from "#core/lib/outcome";
import { Problem } from "#core/lib/problem";
import { xId } from "#core/x/tweet-body";
import { deleteTweet } from "#core/x/tweets";
import { defineJob } from "../define.ts";
import { accountId } from "./account-id.ts";

/** Delete one tweet. */
export const tweetDelete = defineJob({
  name: "tweet.delete",
  queue: "tweets",
  lane: "deletes",
  part: "tweets",
  token: true,
  endpoint: "DELETE /2/tweets/:id",
  ordered: false,
  scopes: ["tweet.read", "tweet.write", "users.read"],
  params: z.strictObject({ account_id: accountId, tweet_id: xId.describe("The tweet to delete.") }),
  example: { account_id: "acc_01KAB3C4D5V1StGXR80Z5jd", tweet_id: "1346889436626259968" },
  backoff: { attempts: 5, base_s: 10, cap_s: 900 },
  repeatable: true,

  cost: (_, prices) => prices.tweet_deleted,

  async run({ params }, { x }) {
    const { deleted } = await deleteTweet(x, params.tweet_id);
    return deleted ? done({ tweet_id: params.tweet_id, deleted }) : fail(new Problem("tweet_not_found"));
  },
});
