import { entitiesOf } from "./entities-of.ts";
import type { Media, Tweet, User } from "./entities.ts";
import type { Sim } from "./sim.ts";

type Json = Record<string, unknown>;
const modernOnly = ["referenced_posts", "edit_history_post_ids"];
export type Rendered = { data: Json[]; includes: Json | null };

/**
 * Posts as X answers them, in one of its two vocabularies (its page "Fields" and the 2.167 document): the legacy
 * one unless `post.fields` or an expansion of the new one is asked for. Names it does not know are ignored, as the new gateway does.
 */
export function render(sim: Sim, tweets: Tweet[], query: URLSearchParams): Rendered {
  const expansions = new Set(listOf(query, "expansions"));
  const modern =
    !query.has("tweet.fields") && (query.has("post.fields") || modernOnly.some((one) => expansions.has(one)));
  const fields = new Set(listOf(query, modern ? "post.fields" : "tweet.fields"));
  const data = tweets.map((tweet) => postOf(sim, tweet, modern, fields, expansions));

  const { world } = sim;
  const users = new Set<string>();
  const posts = new Set<string>();
  for (const tweet of tweets) {
    const parent = world.tweets.get(tweet.request.reply?.in_reply_to_tweet_id ?? "");
    if (expansions.has("author_id")) users.add(tweet.user_id);
    if (expansions.has("in_reply_to_user_id") && parent) users.add(parent.user_id);
    if (expansions.has("referenced_posts") || expansions.has("referenced_tweets.id")) {
      for (const { id } of references(tweet)) posts.add(id);
    }
  }
  const referenced = found(world.tweets, posts).filter((tweet) => tweet.deleted_at === null);
  const media = new Set(tweets.flatMap((tweet) => tweet.request.media?.media_ids ?? []));
  const includes: Record<string, Json[]> = {
    users: found(world.users, users).map((user) => userOf(user, query)),
    [modern ? "posts" : "tweets"]: referenced.map((tweet) => postOf(sim, tweet, modern, fields, new Set())),
    media: expansions.has("attachments.media_keys") ? found(world.media, media).map(mediaOf) : [],
    polls: expansions.has("attachments.poll_ids") ? tweets.flatMap((tweet) => pollOf(tweet, sim.now())) : [],
  };
  const filled = Object.entries(includes).filter(([, items]) => items.length > 0);
  return { data, includes: filled.length > 0 ? Object.fromEntries(filled) : null };
}

/** A user as X answers it, with the fields asked for among those we keep. */
export function userOf(user: User, query: URLSearchParams): Json {
  const all: Json = {
    created_at: new Date(user.created_at).toISOString(),
    protected: false,
    verified: user.premium,
    verified_type: user.premium ? "blue" : "none",
    subscription_type: user.premium ? "Premium" : "None",
  };
  return {
    id: user.id,
    name: user.name,
    username: user.username,
    ...pick(all, new Set(listOf(query, "user.fields"))),
  };
}

function postOf(sim: Sim, tweet: Tweet, modern: boolean, fields: Set<string>, expansions: Set<string>): Json {
  const parent = sim.world.tweets.get(tweet.request.reply?.in_reply_to_tweet_id ?? "");
  const linked = references(tweet);
  const keys = (tweet.request.media?.media_ids ?? []).flatMap(
    (id) => sim.world.media.get(id)?.media_key ?? [],
  );
  const attachments = {
    ...(keys.length > 0 && { media_keys: keys }),
    ...(tweet.request.poll && { poll_ids: [tweet.id] }),
  };
  const edited = { editable_until: new Date(tweet.created_at + 3_600_000).toISOString(), edits_remaining: 5 };
  const metrics = { reply_count: 0, like_count: 0, quote_count: 0, bookmark_count: 0, impression_count: 0 };
  const note = noteOf(tweet);
  const shared: Json = {
    attachments: Object.keys(attachments).length > 0 ? attachments : undefined,
    conversation_id: tweet.conversation_id,
    created_at: new Date(tweet.created_at).toISOString(),
    edit_controls: { ...edited, is_edit_eligible: sim.world.users.get(tweet.user_id)?.premium ?? false },
    entities: entitiesOf(tweet.text, tweet.urls),
    lang: "en",
    paid_partnership: tweet.request.paid_partnership,
    possibly_sensitive: false,
    reply_settings: tweet.request.reply_settings ?? "everyone",
  };
  const author: Json = { author_id: tweet.user_id, in_reply_to_user_id: parent?.user_id };
  const refs = linked.length > 0 ? linked : undefined;
  // Expanding an attachment brings the field that names it.
  const attached = expansions.has("attachments.media_keys") || expansions.has("attachments.poll_ids");
  const named = attached ? new Set([...fields, "attachments"]) : fields;
  const asked = new Set([...named, ...expansions]);
  // The new vocabulary gives authors, references and edits to `expansions` only.
  const body = modern
    ? {
        ...pick({ ...shared, public_metrics: { repost_count: 0, ...metrics }, note_post: note }, named),
        ...pick({ ...author, referenced_posts: refs, edit_history_post_ids: tweet.edits }, expansions),
      }
    : {
        edit_history_tweet_ids: tweet.edits,
        ...pick({ ...shared, ...author, public_metrics: { retweet_count: 0, ...metrics } }, asked),
        ...pick({ note_tweet: note, referenced_tweets: refs }, fields),
        ...(expansions.has("referenced_tweets.id") && refs && { referenced_tweets: refs }),
      };
  return { id: tweet.id, text: tweet.text, ...body };
}

// The whole text of a long post, with its own entities.
function noteOf({ note, urls }: Tweet): Json | undefined {
  if (note === null) return undefined;
  const entities = entitiesOf(note, urls);
  return { text: note, ...(entities && { entities }) };
}

function references(tweet: Tweet): { type: string; id: string }[] {
  const { reply, quote_tweet_id } = tweet.request;
  return [
    ...(reply ? [{ type: "replied_to", id: reply.in_reply_to_tweet_id }] : []),
    ...(quote_tweet_id === undefined ? [] : [{ type: "quoted", id: quote_tweet_id }]),
  ];
}

function mediaOf(media: Media): Json {
  const type = media.category.endsWith("image")
    ? "photo"
    : media.category.endsWith("gif")
      ? "animated_gif"
      : "video";
  return { media_key: media.media_key, type };
}

function pollOf({ id, created_at, request: { poll } }: Tweet, now_ms: number): Json[] {
  if (!poll) return [];
  const end = created_at + poll.duration_minutes * 60_000;
  const options = poll.options.map((label, index) => ({ position: index + 1, label, votes: 0 }));
  const { duration_minutes } = poll;
  const voting_status = now_ms < end ? "open" : "closed";
  return [{ id, options, duration_minutes, end_datetime: new Date(end).toISOString(), voting_status }];
}

const listOf = (query: URLSearchParams, name: string) =>
  (query.get(name) ?? "").split(",").filter((one) => one !== "");

function pick(from: Json, names: Set<string>): Json {
  return Object.fromEntries(
    Object.entries(from).filter(([name, value]) => names.has(name) && value !== undefined),
  );
}

function found<T>(from: Map<string, T>, ids: Set<string>): T[] {
  return [...ids].flatMap((id) => from.get(id) ?? []);
}
