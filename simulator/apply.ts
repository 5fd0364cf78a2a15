import type { Tweet, User } from "./entities.ts";
import { emptyWorld, engagementKey, sameness, type Fact, type TweetFact, type World } from "./world.ts";

/** Let one fact happen. Facts about things that are not there change nothing. */
export function apply(world: World, fact: Fact): void {
  switch (fact.type) {
    case "world.reset":
      Object.assign(world, emptyWorld());
      return;
    case "settings.changed":
      Object.assign(world.settings, fact.change);
      return;
    case "app.registered":
      world.apps.set(fact.app.client_id, fact.app);
      return;
    case "user.saved":
      saveUser(world, fact.user);
      return;
    case "tweet.created":
      addTweet(world, fact.tweet);
      return;
    case "tweet.deleted": {
      const tweet = world.tweets.get(fact.id);
      if (tweet) tweet.deleted_at = fact.at;
      return;
    }
    case "engagement.set":
      setEngagement(world, fact);
      return;
    case "code.issued":
    case "grant.issued":
    case "grant.rotated":
    case "grant.revoked":
    case "access.revoked":
    case "access.expired":
      applyGrant(world, fact);
      return;
    default:
      applyMedia(world, fact);
  }
}

function saveUser(world: World, user: User) {
  const before = world.users.get(user.id);
  if (before) world.usernames.delete(before.username.toLowerCase());
  world.users.set(user.id, user);
  world.usernames.set(user.username.toLowerCase(), user);
  seen(world, user.id);
}

function addTweet(world: World, fact: TweetFact) {
  const { request } = fact;
  const previous = world.tweets.get(request.edit_options?.previous_post_id ?? "");
  const parent = world.tweets.get(request.reply?.in_reply_to_tweet_id ?? "");
  const tweet: Tweet = {
    ...fact,
    deleted_at: null,
    conversation_id: (previous ?? parent)?.conversation_id ?? fact.id,
    edits: previous ? [...previous.edits, fact.id] : [fact.id],
    superseded: false,
  };
  if (previous) previous.superseded = true;
  world.tweets.set(tweet.id, tweet);
  const posted = world.posted.get(tweet.user_id);
  if (posted) posted.push(tweet);
  else world.posted.set(tweet.user_id, [tweet]);
  world.newest.set(sameness(tweet.user_id, request), tweet);
  seen(world, tweet.id);
}

function setEngagement(
  world: World,
  { engagement, on, at }: Extract<Fact, { type: "engagement.set" }>,
): void {
  const key = engagementKey(engagement);
  const { made, ended } = world.engagements.get(key) ?? { made: 0, ended: 0 };
  const counts = on ? { made: made + 1, ended } : { made, ended: ended + 1 };
  world.engagements.set(key, { ...engagement, on, at, ...counts });
}

function applyGrant(world: World, fact: Extract<Fact, { type: `${"code" | "grant" | "access"}.${string}` }>) {
  if (fact.type === "code.issued") {
    world.codes.set(fact.code.code, fact.code);
  } else if (fact.type === "access.revoked") {
    const access = world.access.get(fact.token);
    if (access) access.dead = true;
  } else if (fact.type === "access.expired") {
    expireAccess(world, new Set(fact.grant_ids), fact.at);
  } else if (fact.type === "grant.issued") {
    const { grant } = fact;
    if (fact.code !== null) world.codes.delete(fact.code);
    world.grants.set(grant.id, grant);
    seen(world, grant.id);
    nameTokens(world, grant.id);
  } else {
    const grant = world.grants.get(fact.id);
    if (!grant) return;
    if (fact.type === "grant.revoked") {
      grant.revoked_at ??= fact.at;
      return;
    }
    const access = world.access.get(grant.access_token);
    if (access && fact.old_dies) access.dead = true;
    const refresh = world.refresh.get(grant.refresh_token ?? "");
    if (refresh) refresh.used = true;
    Object.assign(grant, fact.fresh, { refreshes: grant.refreshes + 1, last_refreshed_at: fact.at });
    nameTokens(world, grant.id);
  }
}

// Never later than it would have been.
function expireAccess(world: World, grantIds: Set<string>, at: number) {
  for (const access of world.access.values())
    if (grantIds.has(access.grant.id)) access.expires_at = Math.min(access.expires_at, at);
  for (const id of grantIds) {
    const grant = world.grants.get(id);
    if (grant) grant.access_expires_at = Math.min(grant.access_expires_at, at);
  }
}

function nameTokens(world: World, id: string) {
  const grant = world.grants.get(id);
  if (!grant) return;
  world.access.set(grant.access_token, { grant, expires_at: grant.access_expires_at, dead: false });
  if (grant.refresh_token === null) return;
  world.refresh.set(grant.refresh_token, { grant, expires_at: grant.refresh_expires_at, used: false });
}

function applyMedia(world: World, fact: Extract<Fact, { type: `media.${string}` }>) {
  if (fact.type === "media.initialized") {
    const open = {
      finalized_at: null,
      segments: new Map(),
      segment_count: 0,
      size: 0,
      sha256: null,
      metadata: null,
      subtitles: {},
    };
    const unknown = { width: null, height: null, processing_ms: 0, outcome: "succeeded" as const };
    world.media.set(fact.media.id, { ...fact.media, ...open, ...unknown });
    seen(world, fact.media.id);
    return;
  }
  const media = world.media.get(fact.id);
  if (!media) return;
  if (fact.type === "media.described") {
    media.metadata = fact.metadata;
  } else if (fact.type === "media.subtitled") {
    media.subtitles[fact.subtitles.language_code] = fact.subtitles;
  } else if (fact.type === "media.appended") {
    media.segments.set(fact.index, fact.bytes);
    media.segment_count = media.segments.size;
  } else {
    Object.assign(media, fact.end, { finalized_at: fact.at });
    media.segments.clear();
  }
}

// A replayed world must never hand out an id again.
function seen(world: World, id: string) {
  const value = BigInt(id);
  if (value > world.last_id) world.last_id = value;
}
