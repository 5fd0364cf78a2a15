import type { Call } from "./exchange.ts";
import { engage, endEngagement } from "./engagements.ts";
import { addSubtitles, append, describeMedia, finalize, initialize, status, upload } from "./media.ts";
import { homeTimeline, mentions, userTimeline } from "./timelines.ts";
import { createTweet, deleteTweet, lookupTweet, lookupTweets } from "./tweets.ts";
import { lookupUser, me } from "./users.ts";
import type { Act } from "./sim.ts";

/** An endpoint of X's API for an access token that has these scopes. */
export type Route = { name: string; scopes: readonly string[]; act: Act };

const read = ["tweet.read", "users.read"];
const write = ["tweet.read", "tweet.write", "users.read"];
const media = ["media.write"];
const like = [...read, "like.write"];
const bookmark = [...read, "bookmark.write"];

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
  { name: "POST /2/users/:id/retweets", scopes: write, act: engage("retweet") },
  { name: "DELETE /2/users/:id/retweets/:source_tweet_id", scopes: write, act: endEngagement("retweet") },
  { name: "POST /2/users/:id/likes", scopes: like, act: engage("like") },
  { name: "DELETE /2/users/:id/likes/:tweet_id", scopes: like, act: endEngagement("like") },
  { name: "POST /2/users/:id/bookmarks", scopes: bookmark, act: engage("bookmark") },
  { name: "DELETE /2/users/:id/bookmarks/:tweet_id", scopes: bookmark, act: endEngagement("bookmark") },
  { name: "POST /2/media/upload", scopes: media, act: upload },
  { name: "GET /2/media/upload", scopes: media, act: status },
  { name: "POST /2/media/upload/initialize", scopes: media, act: initialize },
  { name: "POST /2/media/upload/:id/append", scopes: media, act: append },
  { name: "POST /2/media/upload/:id/finalize", scopes: media, act: finalize },
  { name: "POST /2/media/metadata", scopes: media, act: describeMedia },
  { name: "POST /2/media/subtitles", scopes: media, act: addSubtitles },
];

const fixed = new Map(routes.filter(({ name }) => !name.includes(":")).map((route) => [route.name, route]));
const variable = routes
  .filter(({ name }) => name.includes(":"))
  .map((route) => ({
    route,
    pattern: new RegExp(`^${route.name.replace(/:[a-z_]+/g, "([0-9]{1,19})")}$`),
  }));

/** The route of a call and the ids in its path (empty where the route has none), or null. */
export function routeOf({ method, path }: Call): { route: Route; id: string; target: string } | null {
  const name = `${method} ${path}`;
  const route = fixed.get(name);
  if (route) return { route, id: "", target: "" };
  for (const { route, pattern } of variable) {
    const found = pattern.exec(name);
    if (found) return { route, id: found[1] ?? "", target: found[2] ?? "" };
  }
  return null;
}
