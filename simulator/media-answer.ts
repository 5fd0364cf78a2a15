import type { Media } from "./entities.ts";
import { media_life_s, stateOf } from "./media-use.ts";
import type { Sim } from "./sim.ts";

/** The `data` of finalize, status and the one-shot upload (`FinalizeMediaUploadResponseData` of X's 2.167). */
export function mediaAnswer(sim: Sim, media: Media): Record<string, unknown> {
  const { state, percent } = stateOf(media, sim.now());
  const { media_check_after_secs: wait } = sim.world.settings;
  const slow = media.processing_ms > 0 || media.outcome === "failed";
  const running = state === "pending" || state === "in_progress";
  const error = { code: 1, name: "InvalidMedia", message: "The media could not be processed." };
  const info = {
    state,
    ...(running && wait > 0 && { check_after_secs: wait }),
    ...(state !== "pending" && { progress_percent: percent }),
    ...(state === "failed" && { error }),
  };
  const isVideo = media.category.endsWith("video");
  const [w, h] = [media.width, media.height];
  const left = media_life_s - Math.floor((sim.now() - (media.finalized_at ?? media.created_at)) / 1000);
  return {
    id: media.id,
    media_key: media.media_key,
    size: media.size,
    expires_after_secs: left,
    ...(!isVideo && !running && { image: { image_type: media.type, ...(w !== null && { w, h }) } }),
    ...(isVideo && state === "succeeded" && { video: { video_type: media.type } }),
    ...(slow && { processing_info: info }),
  };
}
