/**
 * One call X offers. `name` is also the name of its rate window; `:word` in `path` is filled from the call's `params`.
 * `part`: what of X is out of order when it does not answer; one that stands in no job has none.
 * `repeatable`: may the call be made again when nobody knows whether X acted on it?
 * `window`: the rate window it is counted in here, where that is not its own: what takes turns in a lane keeps to one.
 */
export type Endpoint = {
  name: string;
  window?: string;
  method: "GET" | "POST" | "DELETE";
  path: string;
  repeatable: boolean;
  part?: "tweets" | "reads" | "media";
};

/** Every endpoint of X that we call. */
export const endpoints = {
  // X has no idempotency key: a second call is a second tweet.
  createTweet: {
    name: "POST /2/tweets",
    method: "POST",
    path: "/2/tweets",
    repeatable: false,
    part: "tweets",
  },
  deleteTweet: {
    name: "DELETE /2/tweets/:id",
    method: "DELETE",
    path: "/2/tweets/:id",
    repeatable: true,
    part: "tweets",
  },
  // A tweet is liked or it is not: the same again changes nothing.
  retweet: {
    name: "POST /2/users/:id/retweets",
    method: "POST",
    path: "/2/users/:id/retweets",
    repeatable: true,
    part: "tweets",
  },
  unretweet: {
    name: "DELETE /2/users/:id/retweets/:source_tweet_id",
    window: "POST /2/users/:id/retweets",
    method: "DELETE",
    path: "/2/users/:id/retweets/:source_tweet_id",
    repeatable: true,
    part: "tweets",
  },
  like: {
    name: "POST /2/users/:id/likes",
    method: "POST",
    path: "/2/users/:id/likes",
    repeatable: true,
    part: "tweets",
  },
  unlike: {
    name: "DELETE /2/users/:id/likes/:tweet_id",
    window: "POST /2/users/:id/likes",
    method: "DELETE",
    path: "/2/users/:id/likes/:tweet_id",
    repeatable: true,
    part: "tweets",
  },
  bookmark: {
    name: "POST /2/users/:id/bookmarks",
    method: "POST",
    path: "/2/users/:id/bookmarks",
    repeatable: true,
    part: "tweets",
  },
  unbookmark: {
    name: "DELETE /2/users/:id/bookmarks/:tweet_id",
    window: "POST /2/users/:id/bookmarks",
    method: "DELETE",
    path: "/2/users/:id/bookmarks/:tweet_id",
    repeatable: true,
    part: "tweets",
  },
  me: { name: "GET /2/users/me", method: "GET", path: "/2/users/me", repeatable: true },
  userTweets: {
    name: "GET /2/users/:id/tweets",
    method: "GET",
    path: "/2/users/:id/tweets",
    repeatable: true,
    part: "reads",
  },
  userMentions: {
    name: "GET /2/users/:id/mentions",
    method: "GET",
    path: "/2/users/:id/mentions",
    repeatable: true,
  },
  homeTimeline: {
    name: "GET /2/users/:id/timelines/reverse_chronological",
    method: "GET",
    path: "/2/users/:id/timelines/reverse_chronological",
    repeatable: true,
  },
  tweets: { name: "GET /2/tweets", method: "GET", path: "/2/tweets", repeatable: true },
  tweet: { name: "GET /2/tweets/:id", method: "GET", path: "/2/tweets/:id", repeatable: true, part: "reads" },
  initializeMedia: {
    name: "POST /2/media/upload/initialize",
    method: "POST",
    path: "/2/media/upload/initialize",
    repeatable: true,
    part: "media",
  },
  // A segment that comes again takes the place of the first.
  appendMedia: {
    name: "POST /2/media/upload/:id/append",
    method: "POST",
    path: "/2/media/upload/:id/append",
    repeatable: true,
    part: "media",
  },
  finalizeMedia: {
    name: "POST /2/media/upload/:id/finalize",
    method: "POST",
    path: "/2/media/upload/:id/finalize",
    repeatable: true,
    part: "media",
  },
  mediaStatus: {
    name: "GET /2/media/upload",
    method: "GET",
    path: "/2/media/upload",
    repeatable: true,
    part: "media",
  },
  describeMedia: {
    name: "POST /2/media/metadata",
    method: "POST",
    path: "/2/media/metadata",
    repeatable: true,
    part: "media",
  },
  // Those of a language take the place of the ones before.
  subtitleMedia: {
    name: "POST /2/media/subtitles",
    method: "POST",
    path: "/2/media/subtitles",
    repeatable: true,
    part: "media",
  },
} as const satisfies Record<string, Endpoint>;

/** The rate window that a call is counted in. */
export const windowOf = ({ name, window }: Endpoint): string => window ?? name;
