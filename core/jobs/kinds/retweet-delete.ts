import { unretweet } from "#core/x/engagements";
import { engagement } from "./engagement.ts";

/** Take a retweet back. */
export const retweetDelete = engagement({
  name: "retweet.delete",
  lane: "retweets",
  scope: "tweet.write",
  tweet: "The tweet that is not to be retweeted any more.",
  price: "interaction_deleted",
  act: unretweet,
  flag: "retweeted",
  wanted: false,
});
