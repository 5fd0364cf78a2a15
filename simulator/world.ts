import type {
  Access,
  App,
  Code,
  Engagement,
  Grant,
  Media,
  PostRequest,
  Refresh,
  ShortUrl,
  Subtitles,
  Tweet,
  User,
} from "./entities.ts";
import { defaults, type Settings } from "./settings.ts";

/** Everything X knows. It is changed by `apply` only, so that the journal of records is the whole truth. */
export type World = {
  settings: Settings;
  apps: Map<string, App>;
  users: Map<string, User>;
  usernames: Map<string, User>;
  codes: Map<string, Code>;
  grants: Map<string, Grant>;
  access: Map<string, Access>;
  refresh: Map<string, Refresh>;
  tweets: Map<string, Tweet>;
  posted: Map<string, Tweet[]>;
  newest: Map<string, Tweet>;
  media: Map<string, Media>;
  /** By kind, user and tweet. */
  engagements: Map<string, Engagement>;
  last_id: bigint;
};

/** One lasting change, as a line of the journal. */
export type Fact =
  | { type: "world.reset" }
  | { type: "settings.changed"; change: Partial<Settings> }
  | { type: "app.registered"; app: App }
  | { type: "user.saved"; user: User }
  | { type: "code.issued"; code: Code }
  | { type: "grant.issued"; grant: Grant; code: string | null }
  | { type: "grant.rotated"; id: string; at: number; old_dies: boolean; fresh: Tokens }
  | { type: "grant.revoked"; id: string; at: number }
  | { type: "access.revoked"; token: string }
  | { type: "access.expired"; grant_ids: string[]; at: number }
  | { type: "tweet.created"; tweet: TweetFact }
  | { type: "tweet.deleted"; id: string; at: number }
  | { type: "engagement.set"; engagement: EngagementFact; on: boolean; at: number }
  | { type: "media.initialized"; media: MediaFact }
  | { type: "media.appended"; id: string; index: number; bytes: Uint8Array<ArrayBuffer> }
  | { type: "media.finalized"; id: string; at: number; end: MediaEnd }
  | { type: "media.described"; id: string; metadata: Record<string, unknown> }
  | { type: "media.subtitled"; id: string; subtitles: Subtitles };

export type Tokens = Pick<
  Grant,
  "access_token" | "access_expires_at" | "refresh_token" | "refresh_expires_at"
>;
/** A new tweet: what follows from these (its place in the books) is not written down. */
export type TweetFact = {
  id: string;
  user_id: string;
  client_id: string;
  created_at: number;
  text: string;
  note: string | null;
  urls: ShortUrl[];
  request: PostRequest;
};
export type EngagementFact = Pick<Engagement, "kind" | "user_id" | "tweet_id">;
export type MediaFact = Pick<
  Media,
  "id" | "media_key" | "user_id" | "owners" | "category" | "type" | "total_bytes" | "created_at"
>;
export type MediaEnd = Pick<Media, "size" | "sha256" | "width" | "height" | "processing_ms" | "outcome">;

/** A world in which nothing has happened. */
export function emptyWorld(): World {
  return {
    settings: { ...defaults },
    apps: new Map(),
    users: new Map(),
    usernames: new Map(),
    codes: new Map(),
    grants: new Map(),
    access: new Map(),
    refresh: new Map(),
    tweets: new Map(),
    posted: new Map(),
    newest: new Map(),
    media: new Map(),
    engagements: new Map(),
    last_id: 0n,
  };
}

/** Where an engagement stands in the world. */
export const engagementKey = ({ kind, user_id, tweet_id }: EngagementFact): string =>
  `${kind} ${user_id} ${tweet_id}`;

/** Two posts of an account with the same sameness are duplicates: X names the account, we add what else tells posts apart. */
export function sameness(user_id: string, request: PostRequest): string {
  const text = (request.text ?? "").normalize("NFC").trim();
  const reply = request.reply?.in_reply_to_tweet_id ?? "";
  return `${user_id}|${reply}|${request.quote_tweet_id ?? ""}|${request.media?.media_ids.join() ?? ""}|${text}`;
}
