import { z } from "zod";
import { accountId } from "#core/jobs/kinds/account-id";
import { sha256 } from "#core/lib/bytes";
import { endpoints, type Endpoint } from "#core/x/endpoints";
import { readQueries } from "#core/x/read-query";
import { xId } from "#core/x/tweet-body";
import { findAccount } from "./accounts.ts";
import { FRESH_MS, type Shown } from "./read-cache.ts";
import { readThrough } from "./read-through.ts";
import { defineRoute, type Call } from "./route.ts";

const account = z.strictObject({ id: accountId });

const answers = {
  200: { description: "X's body, unchanged.", schema: z.looseObject({}) },
  304: { description: "The same as the `If-None-Match` of the request.", schema: null },
};

type Query = Record<string, string | number | undefined>;
type Asked = Pick<Call<unknown, unknown, unknown>, "app" | "caller" | "request" | "request_id">;

/** GET /v1/accounts/{id}/timeline */
export const getTimeline = defineRoute({
  method: "GET",
  path: "/v1/accounts/{id}/timeline",
  summary: "Read the home timeline of an account, the newest first, as X gives it",
  scope: "accounts:read",
  params: account,
  query: readQueries.homeTimeline,
  answers,
  handle: (call) => ofAccount(call, endpoints.homeTimeline),
});

/** GET /v1/accounts/{id}/tweets */
export const getTweets = defineRoute({
  method: "GET",
  path: "/v1/accounts/{id}/tweets",
  summary: "Read what an account posted, as X gives it",
  scope: "accounts:read",
  params: account,
  query: readQueries.userTweets,
  answers,
  handle: (call) => ofAccount(call, endpoints.userTweets),
});

/** GET /v1/accounts/{id}/mentions */
export const getMentions = defineRoute({
  method: "GET",
  path: "/v1/accounts/{id}/mentions",
  summary: "Read what mentions an account, as X gives it",
  scope: "accounts:read",
  params: account,
  query: readQueries.userMentions,
  answers,
  handle: (call) => ofAccount(call, endpoints.userMentions),
});

/** GET /v1/accounts/{id}/profile */
export const getProfile = defineRoute({
  method: "GET",
  path: "/v1/accounts/{id}/profile",
  summary: "Read an account's user, as X gives it",
  scope: "accounts:read",
  params: account,
  query: readQueries.me,
  answers,
  handle: (call) => ask(call, call.params.id, endpoints.me, {}, call.query),
});

const forAccount = { account_id: accountId };

/** GET /v1/tweets/{x_id} */
export const getTweet = defineRoute({
  method: "GET",
  path: "/v1/tweets/{x_id}",
  summary: "Read a tweet with an account's eyes, as X gives it",
  scope: "accounts:read",
  params: z.strictObject({ x_id: xId }),
  query: readQueries.tweet.extend(forAccount),
  answers,
  handle(call) {
    const { account_id, ...query } = call.query;
    return ask(call, account_id, endpoints.tweet, { id: call.params.x_id }, query);
  },
});

/** GET /v1/tweets?ids= */
export const getTweetsByIds = defineRoute({
  method: "GET",
  path: "/v1/tweets",
  summary: "Read tweets by their ids with an account's eyes, as X gives them",
  scope: "accounts:read",
  query: readQueries.tweets.extend(forAccount),
  answers,
  handle(call) {
    const { account_id, ...query } = call.query;
    return ask(call, account_id, endpoints.tweets, {}, query);
  },
});

const ofAccount = (call: Asked & { params: { id: string }; query: Query }, endpoint: Endpoint) =>
  ask(call, call.params.id, endpoint, "x_user", call.query);

/** Ask X, or find what it has just said to the same question. */
async function ask(
  { app, caller, request, request_id }: Asked,
  accountId: string,
  endpoint: Endpoint,
  names: Record<string, string> | "x_user",
  query: Query,
): Promise<Response> {
  const { db, row } = await findAccount(app, caller, accountId);
  const params = names === "x_user" ? { id: row.x_user_id } : names;
  const asked = Object.entries({ ...params, ...query }).sort(([a], [b]) => (a < b ? -1 : 1));
  const key = JSON.stringify([row.id, row.state, endpoint.name, asked]);
  const now = () => app.clock.now();
  const shown = await app.reads.read(key, now, async () => {
    const { text, rate } = await readThrough(app, { db, account: row, endpoint, params, query, request_id });
    return { text, etag: `"${await sha256(text)}"`, window: rate.window, at: now() };
  });
  return respond(request, shown, now());
}

function respond(request: Request, { text, etag, window, at }: Shown, now: number): Response {
  const headers = {
    etag,
    "cache-control": `private, max-age=${FRESH_MS / 1000}`,
    age: String(Math.max(0, Math.floor((now - at) / 1000))),
    ...(window && {
      "x-rate-limit-limit": String(window.limit),
      "x-rate-limit-remaining": String(window.remaining),
      "x-rate-limit-reset": String(Math.ceil(window.resets_at / 1000)),
    }),
  };
  if (request.headers.get("if-none-match")?.includes(etag))
    return new Response(null, { status: 304, headers });
  return new Response(text, { headers: { "content-type": "application/json; charset=utf-8", ...headers } });
}
