import { awaitMedium, type Outcome } from "#core/lib/outcome";
import { isMedium } from "#core/media/resolve";
import type { MediaRoom } from "#core/media/room";
import type { XClient } from "#core/x/client";
import type { TweetBody } from "#core/x/tweet-body";
import { createTweet, createWithMedia } from "#core/x/tweets";
import type { MediaRef } from "../define.ts";
import { tweetBodyOf, type TweetFields } from "./tweet-fields.ts";

/** The media that a tweet at `path` of a job's params needs. */
export const mediaIn = ({ media = [] }: Pick<TweetFields, "media">, path: MediaRef["path"]): MediaRef[] =>
  media.map((id, index) => ({ id, path: [...path, "media", index] }));

type Context = { x: XClient; media: MediaRoom };

/** A tweet that was posted, or why it was not. */
export type Posted = { id: string } | { outcome: Outcome };

/** What a checkpoint says when X did not take the media, and they were sent anew: its next no is an end. */
type Renewed = { media_renewed?: boolean };

/**
 * Post a tweet with its media as X calls them. What X does not have yet is waited for; what it calls invalid is sent once
 * more. Throws `Refusal`.
 */
export async function postTweet(
  { x, media }: Context,
  fields: TweetFields,
  checkpoint: unknown,
): Promise<Posted> {
  const ids = fields.media ?? [];
  const resolved = await media.resolve(ids);
  if ("outcome" in resolved) return resolved;
  const body = bodyWith(fields, resolved.x_ids);
  const ours = ids.filter(isMedium);
  const { media_renewed = false } = (checkpoint ?? {}) as Renewed;
  if (ours.length === 0 || media_renewed) return createTweet(x, body);
  const made = await createWithMedia(x, body);
  if (made !== "media_invalid") return made;
  await Promise.all(ours.map((id) => media.forget(id, resolved.x_ids[ids.indexOf(id)] ?? "")));
  const again = await media.resolve(ids);
  const outcome = "outcome" in again ? again.outcome : awaitMedium(ours[0] ?? "", null);
  return {
    outcome:
      outcome.type === "await"
        ? { ...outcome, checkpoint: { ...(checkpoint as object | null), media_renewed: true } }
        : outcome,
  };
}

/** A tweet that was sent, as X would show it. Media that X has forgotten since are some others to it. */
export async function sentBody({ media }: Pick<Context, "media">, fields: TweetFields): Promise<TweetBody> {
  const ids = fields.media ?? [];
  const resolved = await media.resolve(ids);
  return bodyWith(fields, "x_ids" in resolved ? resolved.x_ids : ids.map((id) => (isMedium(id) ? "0" : id)));
}

const bodyWith = (fields: TweetFields, x_ids: readonly string[]): TweetBody =>
  tweetBodyOf(fields.media === undefined ? fields : { ...fields, media: [...x_ids] });
