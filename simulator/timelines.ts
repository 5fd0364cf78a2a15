import { mentionsIn } from "./entities-of.ts";
import type { Tweet } from "./entities.ts";
import { json, type Answer } from "./exchange.ts";
import { invalid, notFound } from "./problem.ts";
import { render } from "./render.ts";
import type { Settings } from "./settings.ts";
import { snowflakeAt } from "./snowflake.ts";
import type { Visit } from "./sim.ts";

type Page = { atLeast: number; byDefault: number; reach: number };

/** GET /2/users/:id/tweets: what a user posted, newest first. */
export function userTimeline(visit: Visit): Answer {
  const { world } = visit.sim;
  const { id } = visit;
  if (!world.users.has(id)) return json({ errors: [notFound(world.settings, "user", "id", id)] });
  const reach = visit.call.query.get("exclude")?.includes("replies") ? 800 : 3_200;
  return page(visit, world.posted.get(id) ?? [], { atLeast: 5, byDefault: 10, reach });
}

/** GET /2/users/:id/mentions: the posts that name a user, newest first. */
export function mentions(visit: Visit): Answer {
  const { world } = visit.sim;
  const { id } = visit;
  const user = world.users.get(id);
  if (!user) return json({ errors: [notFound(world.settings, "user", "id", id)] });
  const name = user.username.toLowerCase();
  const naming = [...world.tweets.values()].filter(({ request }) =>
    mentionsIn(request.text ?? "").includes(name),
  );
  return page(visit, naming, { atLeast: 5, byDefault: 10, reach: 800 });
}

/** GET /2/users/:id/timelines/reverse_chronological: in this small world everyone follows everyone. */
export function homeTimeline(visit: Visit): Answer {
  const { id } = visit;
  if (id !== visit.user.id) {
    const must = `must be the same as the authenticating user [${visit.user.id}]`;
    return invalid(visit.sim.world.settings, `The \`id\` query parameter value [${id}] ${must}`, "id", id);
  }
  return page(visit, [...visit.sim.world.tweets.values()], { atLeast: 1, byDefault: 100, reach: 3_200 });
}

// One page of posts that are given oldest first.
function page({ sim, call, id: owner }: Visit, posts: Tweet[], { atLeast, byDefault, reach }: Page): Answer {
  const { query } = call;
  const { settings } = sim.world;
  const refuse = (name: string, why = "is not valid") => {
    const value = query.get(name) ?? "";
    return invalid(settings, `The \`${name}\` query parameter value [${value}] ${why}`, name, value);
  };
  const size = Number(query.get("max_results") ?? byDefault);
  if (!Number.isInteger(size) || size < atLeast || size > 100) {
    return refuse("max_results", `is not between ${atLeast} and 100`);
  }
  for (const name of ["since_id", "until_id"]) {
    if (query.has(name) && !/^[0-9]{1,19}$/.test(query.get(name) ?? "")) return refuse(name);
  }
  for (const name of ["start_time", "end_time"]) {
    if (query.has(name) && timeOf(query.get(name)) === null) return refuse(name);
  }
  const excluded = query.get("exclude")?.split(",") ?? [];
  if (excluded.some((one) => one !== "replies" && one !== "retweets")) return refuse("exclude");
  const token = query.get("pagination_token");
  const cursor = token === null ? null : readToken(token, owner);
  if (token !== null && !cursor) return refuse("pagination_token");

  const start = timeOf(query.get("start_time"));
  const end = timeOf(query.get("end_time"));
  // `since_id` beats `start_time`, `until_id` beats `end_time`; both ids are exclusive, start_time is inclusive.
  const after = query.has("since_id")
    ? BigInt(query.get("since_id") ?? 0)
    : start === null
      ? 0n
      : snowflakeAt(start) - 1n;
  const before = query.has("until_id")
    ? BigInt(query.get("until_id") ?? 0)
    : end === null
      ? null
      : snowflakeAt(end);
  const now_ms = sim.now();
  const all: Tweet[] = [];
  for (let at = posts.length - 1; at >= 0 && all.length < reach; at--) {
    const post = posts[at];
    if (!post) continue;
    const id = BigInt(post.id);
    if (id <= after) break;
    const visible =
      post.deleted_at === null && !post.superseded && post.created_at + lagOf(post, settings) <= now_ms;
    if (!visible || (before !== null && id >= before)) continue;
    if (excluded.includes("replies") && post.request.reply) continue;
    all.push(post);
  }
  const from = cursor ? position(all, cursor, size) : 0;
  const tweets = all.slice(from, from + size);
  const [newest, oldest] = [tweets[0], tweets.at(-1)];
  const { data, includes } = render(sim, tweets, query);
  return json({
    ...(data.length > 0 && { data }),
    ...(includes && { includes }),
    meta: {
      result_count: data.length,
      ...(newest && oldest && { newest_id: newest.id, oldest_id: oldest.id }),
      ...(oldest && from + size < all.length && { next_token: makeToken("n", owner, oldest.id) }),
      ...(newest && from > 0 && { previous_token: makeToken("p", owner, newest.id) }),
    },
  });
}

// How long after it was made a post shows up.
function lagOf({ user_id, request }: Tweet, { hide, timeline_lag_ms }: Settings): number {
  const hidden = hide.filter(
    (one) => (one.user_id ?? user_id) === user_id && (request.text ?? "").includes(one.text ?? ""),
  );
  return Math.max(timeline_lag_ms, ...hidden.map(({ ms }) => ms));
}

function position(all: Tweet[], { way, id }: Cursor, size: number): number {
  const older = all.findIndex((post) => BigInt(post.id) < id);
  if (way === "n") return older < 0 ? all.length : older;
  const newer = all.filter((post) => BigInt(post.id) > id).length;
  return Math.max(0, newer - size);
}

type Cursor = { way: "n" | "p"; id: bigint };

// Opaque to clients, and good for the user it was made for only.
function makeToken(way: Cursor["way"], user_id: string, tweet_id: string): string {
  return `7140${way}${BigInt(user_id).toString(32)}z${BigInt(tweet_id).toString(32)}`;
}

function readToken(token: string, user_id: string): Cursor | null {
  const [, way, user, tweet] = /^7140([np])([0-9a-v]+)z([0-9a-v]+)$/.exec(token) ?? [];
  if (way === undefined || tweet === undefined || user !== BigInt(user_id).toString(32)) return null;
  let id = 0n;
  for (const digit of tweet) id = id * 32n + BigInt(parseInt(digit, 32));
  return { way: way === "n" ? "n" : "p", id };
}

// RFC 3339 in UTC, not before 2010-11-06.
function timeOf(text: string | null): number | null {
  if (text === null || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(text)) return null;
  const ms = Date.parse(text);
  return ms >= Date.UTC(2010, 10, 6) ? ms : null;
}
