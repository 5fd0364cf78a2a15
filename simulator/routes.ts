import type { Call } from "./exchange.ts";
import { append, describeMedia, finalize, initialize, status, upload } from "./media.ts";
import { homeTimeline, mentions, userTimeline } from "./timelines.ts";
import { createTweet, deleteTweet, lookupTweet, lookupTweets } from "./tweets.ts";
import { lookupUser, me } from "./users.ts";
import type { Act } from "./sim.ts";

/** An endpoint of X's API for an access token that has these scopes. */
export type Route = { name: string; scopes: readonly string[]; act: Act };

const read = ["tweet.read", "users.read"];
const write = ["tweet.read", "tweet.write", "users.read"];
const media = ["media.write"];

/** The endpoints this simulator has, by X's names; the scopes are those of its OpenAPI document. */
export const routes: Route[] = [
  { name: "POST /2/tweets", scopes: write, act: createTweet },
  { name: "GET /2/tweets", scopes: read, act: lookupTweets },
  { name: "DELETE /2/tweets/:id", scopes: write, act: deleteTweet },
  { name: "GET /2/tweets/:id", scopes: read, act: lookupTweet },
  { name: "GET /2/users/me", scopes: read, act: me },
  { name: "GET /2/users/:id", scopes: read, act: lookupUser },
  { name: "GET /2/users/:id/tweets", scopes: read, act: userTimeline },
  { name: "GET /2/users/:id/mentions", scopes: read, act: mentions },
  { name: "GET /2/users/:id/timelines/reverse_chronological", scopes: read, act: homeTimeline },
  { name: "POST /2/media/upload", scopes: media, act: upload },
  { name: "GET /2/media/upload", scopes: media, act: status },
  { name: "POST /2/media/upload/initialize", scopes: media, act: initialize },
  { name: "POST /2/media/upload/:id/append", scopes: media, act: append },
  { name: "POST /2/media/upload/:id/finalize", scopes: media, act: finalize },
  { name: "POST /2/media/metadata", scopes: media, act: describeMedia },
];

const fixed = new Map(routes.filter(({ name }) => !name.includes(":")).map((route) => [route.name, route]));
const variable = routes
  .filter(({ name }) => name.includes(":"))
  .map((route) => ({
    route,
    pattern: new RegExp(`^${route.name.replace(":id", "([0-9]{1,19})")}$`),
  }));

/** The route of a call and the id in its path (empty where the route has none), or null. */
export function routeOf({ method, path }: Call): { route: Route; id: string } | null {
  const name = `${method} ${path}`;
  const route = fixed.get(name);
  if (route) return { route, id: "" };
  for (const { route, pattern } of variable) {
    const found = pattern.exec(name);
    if (found) return { route, id: found[1] ?? "" };
  }
  return null;
}
