import { z } from "zod";
import { xId } from "./tweet-body.ts";

/**
 * What X's reads take, by X's own names, old and new. The names in a list of fields are X's to know: it adds some every few
 * months, and says itself which it does not have.
 */
const names = z
  .string()
  .max(2_000)
  .regex(/^[a-z_]+(\.[a-z_]+)*(,[a-z_]+(\.[a-z_]+)*)*$/, "Names separated by commas")
  .refine((text) => new Set(text.split(",")).size === text.split(",").length, "A name stands there twice")
  .optional();

const userFields = {
  "post.fields": names,
  "tweet.fields": names,
  "user.fields": names,
  expansions: names,
};

const tweetFields = {
  ...userFields,
  "media.fields": names,
  "poll.fields": names,
  "place.fields": names,
};

const moment = z.iso.datetime().optional();

const page = (atLeast: number) => ({
  ...tweetFields,
  max_results: z.coerce.number().int().min(atLeast).max(100).optional(),
  pagination_token: z
    .string()
    .regex(/^[\w.-]{1,512}$/, "Not a token of X's")
    .optional(),
  since_id: xId.optional(),
  until_id: xId.optional(),
  start_time: moment,
  end_time: moment,
});

const exclude = z.enum(["replies", "retweets", "replies,retweets", "retweets,replies"]).optional();

/** Source: the parameters of X's OpenAPI document, by endpoint. */
export const readQueries = {
  homeTimeline: z.strictObject({ ...page(1), exclude }),
  userTweets: z.strictObject({ ...page(5), exclude }),
  userMentions: z.strictObject(page(5)),
  me: z.strictObject(userFields),
  tweet: z.strictObject(tweetFields),
  tweets: z.strictObject({
    ids: z
      .string()
      .regex(/^\d{1,19}(,\d{1,19}){0,99}$/, "1 to 100 ids separated by commas")
      .describe("1 to 100 ids, separated by commas."),
    ...tweetFields,
  }),
};
