import { z } from "zod";
import type { XClient } from "./client.ts";
import { type Endpoint, endpoints } from "./endpoints.ts";

/** Who engages with which tweet: X's ids. */
export type Engagement = { user_id: string; tweet_id: string };

/** What X calls it in its answers. */
export type Flag = "retweeted" | "liked" | "bookmarked";

// It was so before, maybe by a first call whose answer was lost.
const ALREADY = /already (retweeted|reposted|liked|favorited|bookmarked)/i;

const flagIn = (flag: Flag) => {
  const answer = z.object({ data: z.object({ [flag]: z.boolean() }) });
  return (json: unknown): boolean | undefined => answer.safeParse(json).data?.data[flag];
};

/** Asks for it. Whether it stands now is X's word. Throws `Refusal`. */
const begin =
  (endpoint: Endpoint, flag: Flag) =>
  (x: XClient, { user_id, tweet_id }: Engagement): Promise<boolean> =>
    x.call(endpoint, {
      params: { id: user_id },
      body: { tweet_id },
      expect: flagIn(flag),
      absent: true,
      isAbsent: ({ detail }) => ALREADY.test(detail ?? ""),
    });

/** Takes it back: of a tweet that is gone there is nothing to be taken back. */
const end =
  (endpoint: Endpoint, flag: Flag) =>
  (x: XClient, { user_id, tweet_id }: Engagement): Promise<boolean> =>
    x.call(endpoint, {
      params: { id: user_id, tweet_id, source_tweet_id: tweet_id },
      expect: flagIn(flag),
      absent: false,
    });

export const retweet = begin(endpoints.retweet, "retweeted");
export const unretweet = end(endpoints.unretweet, "retweeted");
export const like = begin(endpoints.like, "liked");
export const unlike = end(endpoints.unlike, "liked");
export const bookmark = begin(endpoints.bookmark, "bookmarked");
export const unbookmark = end(endpoints.unbookmark, "bookmarked");
