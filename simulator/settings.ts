import { flawOf, type Schema } from "./schema.ts";

/** `[requests, seconds]` of a window. */
export type Window = [count: number, seconds: number];
/** The windows of one endpoint; `app` counts all users of an app together. */
export type Limit = { user?: Window; app?: Window };

/** Which posts to hide from timelines, and how long; without `user_id` everyone's, without `text` all. */
export type Hiding = { user_id?: string; text?: string; ms: number };

/** How this X behaves where its documents are silent or its operators may choose. */
export type Settings = {
  /** A new post shows up in timelines this much later; looking it up by id is not delayed. */
  timeline_lag_ms: number;
  /** Added to every answer. */
  latency_ms: number;
  /** Other windows by "METHOD /route/:template"; "off" switches one or all off, headers included. */
  limits: Record<string, Limit | "off"> | "off";
  old_access_token_dies_on_refresh: boolean;
  /** A refresh token used before: its whole family ends, or it alone is refused, or it is answered once more by a fresh pair. */
  reused_refresh_token: "family_revoked" | "refused" | "fresh_pair";
  /** The edit history of a 201: as seen in Sept 2026 (`edit_history_tweet_ids: [""]`), filled, renamed, or none. */
  edit_history_variant: "blank" | "tweet_ids" | "post_ids" | "absent";
  /** 400 bodies as in the 2.167 specification, or with `errors[]` as the gateway before. */
  error_dialect: "new" | "old";
  /** DELETE of a post that is not there, or not ours: X's documents do not say. */
  delete_missing: "not_found" | "deleted" | "forbidden";
  /** GET of one missing post: 200 with only `errors`, or 404. */
  missing_tweet: "errors" | "not_found";
  /** A retweet, like or bookmark that stands is asked for again: refused, or answered as if it were new. */
  repeated_engagement: "forbidden" | "same";
  /** The text comes back with &amp; &lt; &gt;, as X's v2 reads have it. */
  escape_text: boolean;
  /** The text is kept in NFC, with single line feeds and without white space at its ends. */
  tidy_text: boolean;
  /** A reply to somebody else begins with a mention of them, unless it has one. */
  reply_mentions: boolean;
  /** Posts that show up in timelines later than others: those of `user_id` with `text` in theirs, `ms` after they were made. */
  hide: Hiding[];
  /** A segment is answered by 200 with `expires_at`, or by an empty 204. */
  append_answer: "json" | "empty";
  /** How long a video or GIF is processed after finalize. */
  media_processing_ms: number;
  media_outcome: "succeeded" | "failed";
  /** `check_after_secs` while processing; 0 leaves it out, as X at times does. */
  media_check_after_secs: number;
};

/** The settings of a new simulator: the harsher reading wherever X's behaviour is uncertain. */
export const defaults: Settings = {
  timeline_lag_ms: 0,
  latency_ms: 0,
  limits: {},
  old_access_token_dies_on_refresh: true,
  reused_refresh_token: "family_revoked",
  edit_history_variant: "blank",
  error_dialect: "new",
  delete_missing: "not_found",
  missing_tweet: "errors",
  repeated_engagement: "forbidden",
  escape_text: true,
  tidy_text: true,
  reply_mentions: true,
  hide: [],
  append_answer: "json",
  media_processing_ms: 2_000,
  media_outcome: "succeeded",
  media_check_after_secs: 1,
};

const period: Schema = { type: "integer", minimum: 0 };
const oneOf = (...values: string[]): Schema => ({ type: "string", enum: values });
const hiding: Schema = {
  type: "object",
  properties: { user_id: { type: "string" }, text: { type: "string", minLength: 1 }, ms: period },
  required: ["ms"],
};
const shape: Schema = {
  type: "object",
  properties: {
    timeline_lag_ms: period,
    latency_ms: period,
    limits: { type: "any" },
    old_access_token_dies_on_refresh: { type: "boolean" },
    reused_refresh_token: oneOf("family_revoked", "refused", "fresh_pair"),
    edit_history_variant: oneOf("blank", "tweet_ids", "post_ids", "absent"),
    error_dialect: oneOf("new", "old"),
    delete_missing: oneOf("not_found", "deleted", "forbidden"),
    missing_tweet: oneOf("errors", "not_found"),
    repeated_engagement: oneOf("forbidden", "same"),
    escape_text: { type: "boolean" },
    tidy_text: { type: "boolean" },
    reply_mentions: { type: "boolean" },
    hide: { type: "array", items: hiding },
    append_answer: oneOf("json", "empty"),
    media_processing_ms: period,
    media_outcome: oneOf("succeeded", "failed"),
    media_check_after_secs: period,
  },
};
const window: Schema = { type: "array", items: { type: "integer", minimum: 1 }, minItems: 2, maxItems: 2 };
const limit: Schema = { type: "object", properties: { user: window, app: window } };

/** What is wrong with a partial change of the settings, in words, or null. */
export function settingsFlaw(change: unknown): string | null {
  const flaw = flawOf(shape, change);
  if (flaw) return flaw.message;
  const { limits } = change as Partial<Settings>;
  if (limits === undefined || limits === "off") return null;
  const entries: Record<string, Schema> = {};
  for (const [name, entry] of Object.entries(limits))
    entries[name] = entry === "off" ? { type: "any" } : limit;
  return flawOf({ type: "object", properties: entries }, limits)?.message ?? null;
}
