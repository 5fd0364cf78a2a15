import { retweet } from "#core/x/engagements";
import { engagement } from "./engagement.ts";

/** Retweet a tweet. */
export const retweetCreate = engagement({
  name: "retweet.create",
  lane: "retweets",
  scope: "tweet.write",
  tweet: "The tweet to retweet.",
  price: "interaction",
  act: retweet,
  flag: "retweeted",
  wanted: true,
});
