import { stateOf } from "./media-use.ts";
import type { Sim } from "./sim.ts";

const most = 10_000;

/** A page of the book of posts: all that were ever made, oldest first, as they were asked for. */
export function tweetBook(sim: Sim, user_id?: string, limit = 1_000, cursor = 0) {
  const all = user_id === undefined ? [...sim.world.tweets.values()] : (sim.world.posted.get(user_id) ?? []);
  const end = cursor + Math.min(limit, most);
  const tweets = all.slice(cursor, end).map((tweet) => ({
    id: tweet.id,
    user_id: tweet.user_id,
    client_id: tweet.client_id,
    created_at: tweet.created_at,
    deleted: tweet.deleted_at !== null,
    deleted_at: tweet.deleted_at,
    text: tweet.request.text ?? "",
    shown_text: tweet.text,
    request: tweet.request,
  }));
  return { tweets, total: all.length, next_cursor: end < all.length ? String(end) : null };
}

/** The book of uploads; `sha256` of what arrived is known from finalize on. */
export function mediaBook(sim: Sim) {
  const media = [...sim.world.media.values()].map(({ segments: _, ...media }) => ({
    ...media,
    ...stateOf({ ...media, segments: new Map() }, sim.now()),
  }));
  return { media, total: media.length };
}

/** The book of retweets, likes and bookmarks, also of those that were taken back. */
export const engagementBook = (sim: Sim) => ({ engagements: [...sim.world.engagements.values()] });

/** The book of grants, without a token in it. */
export function grantBook(sim: Sim) {
  const grants = [...sim.world.grants.values()].map((grant) => ({
    id: grant.id,
    client_id: grant.client_id,
    user_id: grant.user_id,
    scopes: grant.scopes,
    created_at: grant.created_at,
    refreshes: grant.refreshes,
    last_refreshed_at: grant.last_refreshed_at,
    revoked: grant.revoked_at !== null,
    revoked_at: grant.revoked_at,
    access_expires_at: grant.access_expires_at,
    refreshable: grant.refresh_token !== null && grant.revoked_at === null,
  }));
  return { grants, total: grants.length };
}

/** The registered apps; of a secret only whether there is one. */
export function appBook(sim: Sim) {
  return {
    apps: [...sim.world.apps.values()].map(({ client_id, client_secret, redirect_uris }) => {
      return { client_id, confidential: client_secret !== null, redirect_uris };
    }),
  };
}
