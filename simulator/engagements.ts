import type { Engagement } from "./entities.ts";
import { json, jsonBody, mediaType, type Answer } from "./exchange.ts";
import { invalid, notFound, problem, problemJson } from "./problem.ts";
import { flawOf, type Schema } from "./schema.ts";
import type { Act, Visit } from "./sim.ts";
import { alive } from "./tweets.ts";
import { engagementKey } from "./world.ts";

type Kind = Engagement["kind"];

const flags = { retweet: "retweeted", like: "liked", bookmark: "bookmarked" } as const;
const id: Schema = { type: "string", pattern: /^[0-9]{1,19}$/ };
const bodies: Record<Kind, Schema> = {
  retweet: { type: "object", properties: { tweet_id: id }, required: ["tweet_id"] },
  like: { type: "object", properties: { tweet_id: id }, required: ["tweet_id"] },
  bookmark: { type: "object", properties: { tweet_id: id, folder_id: id }, required: ["tweet_id"] },
};

/** POST /2/users/:id/retweets, likes or bookmarks: the user's own, of a post that is there. */
export const engage =
  (kind: Kind): Act =>
  (visit) => {
    const { sim, call, user } = visit;
    const { settings } = sim.world;
    const other = otherUser(visit);
    if (other) return other;
    if (mediaType(call) !== "application/json")
      return invalid(settings, "Requests with bodies must have content-type of application/json.");
    const body = jsonBody(call);
    const flaw = flawOf(bodies[kind], body);
    if (flaw) return invalid(settings, flaw.message, flaw.at || undefined, flaw.value);
    const { tweet_id } = body as { tweet_id: string };
    if (!alive(sim.world.tweets.get(tweet_id)))
      return problemJson(404, { ...notFound(settings, "tweet", "tweet_id", tweet_id), status: 404 });
    const engagement = { kind, user_id: user.id, tweet_id };
    const standing = sim.world.engagements.get(engagementKey(engagement))?.on === true;
    if (standing && settings.repeated_engagement === "forbidden")
      return problem(403, `You have already ${flags[kind]} this Tweet.`);
    if (!standing) sim.commit({ type: "engagement.set", engagement, on: true, at: sim.now() });
    return json({ data: { [flags[kind]]: true, ...(kind === "retweet" && { rest_id: tweet_id }) } });
  };

/** DELETE of one's own retweet, like or bookmark: what does not stand is not there afterwards either. */
export const endEngagement =
  (kind: Kind): Act =>
  (visit) => {
    const { sim, user, target } = visit;
    const other = otherUser(visit);
    if (other) return other;
    const engagement = { kind, user_id: user.id, tweet_id: target };
    if (sim.world.engagements.get(engagementKey(engagement))?.on === true)
      sim.commit({ type: "engagement.set", engagement, on: false, at: sim.now() });
    return json({ data: { [flags[kind]]: false } });
  };

function otherUser({ sim, id, user }: Visit): Answer | null {
  if (id === user.id) return null;
  const must = `must be the same as the authenticating user [${user.id}]`;
  return invalid(sim.world.settings, `The \`id\` query parameter value [${id}] ${must}`, "id", id);
}
