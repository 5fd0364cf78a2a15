/**
 * One call X offers. `name` is also the name of its rate window; `:word` in `path` is filled from the call's `params`.
 * `repeatable`: may the call be made again when nobody knows whether X acted on it?
 */
export type Endpoint = {
  name: string;
  method: "GET" | "POST" | "DELETE";
  path: string;
  repeatable: boolean;
};

/** Every endpoint of X that we call. */
export const endpoints = {
  // X has no idempotency key: a second call is a second tweet.
  createTweet: { name: "POST /2/tweets", method: "POST", path: "/2/tweets", repeatable: false },
  deleteTweet: { name: "DELETE /2/tweets/:id", method: "DELETE", path: "/2/tweets/:id", repeatable: true },
  me: { name: "GET /2/users/me", method: "GET", path: "/2/users/me", repeatable: true },
  userTweets: {
    name: "GET /2/users/:id/tweets",
    method: "GET",
    path: "/2/users/:id/tweets",
    repeatable: true,
  },
  tweet: { name: "GET /2/tweets/:id", method: "GET", path: "/2/tweets/:id", repeatable: true },
} as const satisfies Record<string, Endpoint>;
