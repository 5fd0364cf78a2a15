import type { Media } from "./entities.ts";
import type { Sim } from "./sim.ts";

/** How long an upload can be used, in seconds. */
export const media_life_s = 86_400;

/** Where an upload stands; time alone moves it on. */
export type MediaState = "uploading" | "pending" | "in_progress" | "succeeded" | "failed" | "expired";

/** The state of an upload at a moment, and how far its processing got in percent. */
export function stateOf(media: Media, now_ms: number): { state: MediaState; percent: number } {
  const since = now_ms - (media.finalized_at ?? media.created_at);
  if (since >= media_life_s * 1000) return { state: "expired", percent: 0 };
  if (media.finalized_at === null) return { state: "uploading", percent: 0 };
  if (since >= media.processing_ms)
    return { state: media.outcome, percent: media.outcome === "failed" ? 0 : 100 };
  const percent = Math.floor((since / media.processing_ms) * 100);
  return { state: percent < 30 ? "pending" : "in_progress", percent };
}

/** Whether a user may use and see an upload. */
export function mayUse(media: Media, user_id: string): boolean {
  return media.user_id === user_id || media.owners.includes(user_id);
}

/** Why a post may not carry these uploads, or null: up to four photos, or one GIF, or one video. */
export function mediaFlaw(sim: Sim, user_id: string, ids: string[]): string | null {
  const found = ids.map((id) => sim.world.media.get(id));
  const ready = found.every((media) => {
    return media && mayUse(media, user_id) && stateOf(media, sim.now()).state === "succeeded";
  });
  const alone = found.length === 1;
  const mixable = found.every((media) => media?.category === "tweet_image");
  const postable = found.every((media) => /^(tweet_|amplify_)/.test(media?.category ?? ""));
  return ready && postable && (alone || mixable) ? null : "Your media IDs are invalid.";
}
