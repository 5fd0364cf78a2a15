// The things X keeps. Times are epoch milliseconds, ids decimal strings.

/** A registered app; `client_secret` is null for a public one. */
export type App = { client_id: string; client_secret: string | null; redirect_uris: string[] };

/** `premium` users may write up to 25,000 characters and edit. */
export type User = { id: string; username: string; name: string; premium: boolean; created_at: number };

/** An authorization code; it lives 30 seconds and is used once. */
export type Code = {
  code: string;
  client_id: string;
  user_id: string;
  scopes: string[];
  redirect_uri: string;
  challenge: string;
  method: "S256" | "plain";
  created_at: number;
};

/** What a user allowed an app: one family of tokens, of which the newest are named here. */
export type Grant = {
  id: string;
  client_id: string;
  user_id: string;
  scopes: string[];
  created_at: number;
  refreshes: number;
  last_refreshed_at: number | null;
  revoked_at: number | null;
  access_token: string;
  access_expires_at: number;
  refresh_token: string | null;
  refresh_expires_at: number;
};

export type Access = { grant: Grant; expires_at: number; dead: boolean };
export type Refresh = { grant: Grant; expires_at: number; used: boolean };

/** The body of POST /2/tweets after validation. */
export type PostRequest = {
  text?: string;
  media?: { media_ids: string[]; tagged_user_ids?: string[] };
  poll?: { options: string[]; duration_minutes: number };
  reply?: { in_reply_to_tweet_id: string };
  quote_tweet_id?: string;
  reply_settings?: string;
  edit_options?: { previous_post_id: string };
  geo?: { place_id: string };
  community_id?: string;
  card_uri?: string;
  direct_message_deep_link?: string;
  paid_partnership?: boolean;
};

/** A shortened URL; `start` and `end` count code points of the whole text as shown; a link to media names their key. */
export type ShortUrl = {
  start: number;
  end: number;
  url: string;
  expanded_url: string;
  display_url: string;
  media_key?: string;
};

/** `text` as X shows it; `note` the whole text of a long post; `edits` all versions up to this one. */
export type Tweet = {
  id: string;
  user_id: string;
  client_id: string;
  created_at: number;
  deleted_at: number | null;
  text: string;
  note: string | null;
  urls: ShortUrl[];
  conversation_id: string;
  edits: string[];
  superseded: boolean;
  request: PostRequest;
};

/** An upload. `segments` are held until finalize; afterwards only `size` and `sha256` remain of the bytes. */
export type Media = {
  id: string;
  media_key: string;
  user_id: string;
  owners: string[];
  category: string;
  type: string;
  total_bytes: number;
  created_at: number;
  finalized_at: number | null;
  segments: Map<number, Uint8Array<ArrayBuffer>>;
  segment_count: number;
  size: number;
  sha256: string | null;
  width: number | null;
  height: number | null;
  processing_ms: number;
  outcome: "succeeded" | "failed";
  metadata: Record<string, unknown> | null;
  /** By their language. */
  subtitles: Record<string, Subtitles>;
};

/** A file of subtitles that belongs to a video. */
export type Subtitles = { id: string; language_code: string; display_name: string };

/** A retweet, like or bookmark: whether it stands, since when, and how often it was made and taken back. */
export type Engagement = {
  kind: "retweet" | "like" | "bookmark";
  user_id: string;
  tweet_id: string;
  on: boolean;
  at: number;
  made: number;
  ended: number;
};
