import { z } from "zod";
import { done, fail } from "#core/lib/outcome";
import { Problem } from "#core/lib/problem";
import type { XClient } from "#core/x/client";
import type { Engagement, Flag } from "#core/x/engagements";
import type { Prices } from "#core/x/prices";
import { xId } from "#core/x/tweet-body";
import { defineJob } from "../define.ts";
import { accountId } from "./account-id.ts";

/** What one way to engage with a tweet, or to take that back, is; the rest is the same for all. */
type Facts<Name extends string> = {
  name: Name;
  /** Also the end of X's path: made and taken back in turns, and in one window. */
  lane: "retweets" | "likes" | "bookmarks";
  scope: string;
  /** What `tweet_id` is. */
  tweet: string;
  price: keyof Prices;
  act: (x: XClient, engagement: Engagement) => Promise<boolean>;
  flag: Flag;
  /** What X must say of the flag afterwards. */
  wanted: boolean;
};

/** States a kind that engages with a tweet, or takes that back. Doing it twice is as good as once. */
export const engagement = <const Name extends string>(facts: Facts<Name>) => {
  const { name, lane, scope, tweet, price, act, flag, wanted } = facts;
  return defineJob({
    name,
    queue: "tweets",
    lane,
    part: "tweets",
    token: true,
    endpoint: `POST /2/users/:id/${lane}`,
    ordered: true,
    scopes: ["tweet.read", "users.read", scope],
    params: z.strictObject({ account_id: accountId, tweet_id: xId.describe(tweet) }),
    example: { account_id: "acc_01KAB3C4D5V1StGXR80Z5jd", tweet_id: "1346889436626259968" },
    backoff: { attempts: 5, base_s: 10, cap_s: 900 },
    repeatable: true,

    cost: (_, prices) => prices[price],

    async run({ params: { tweet_id }, x_user_id }, { x }) {
      const stands = await act(x, { user_id: x_user_id, tweet_id });
      return stands === wanted
        ? done({ tweet_id, [flag]: stands })
        : fail(
            new Problem("x_unexpected", {
              detail: `X says that the tweet is ${wanted ? "not" : "still"} ${flag}`,
            }),
          );
    },
  });
};
