import { z } from "zod";
import type { Outcome } from "#core/lib/outcome";
import { isId } from "#core/lib/ids";
import type { UploadRow } from "#core/store/uploads";
import type { XClient } from "#core/x/client";
import { GONE, subtitle, type Gone } from "#core/x/media";
import type { MediaRoom } from "./room.ts";

const MOST = 20;

/** Files of subtitles that belong to a video: media of their own, each in a language. */
export const tracks = z
  .array(
    z.strictObject({
      media_id: z.string().refine((text) => isId("med", text), "Not a medium's id (med_…)"),
      language_code: z.string().regex(/^[A-Z]{2}$/, "Two capital letters, such as EN"),
      display_name: z.string().min(1).max(100).describe("The language, as people read it."),
    }),
  )
  .min(1)
  .max(MOST);

type Track = z.output<typeof tracks>[number];

/** Those that a client has named for a medium. */
export const tracksOf = ({ metadata }: Pick<UploadRow, "metadata">): Track[] =>
  tracks.safeParse((JSON.parse(metadata) as { subtitles?: unknown }).subtitles).data ?? [];

/** As X names the categories of videos that may have subtitles. */
const categories: Record<string, "TweetVideo" | "AmplifyVideo"> = {
  tweet_video: "TweetVideo",
  amplify_video: "AmplifyVideo",
};

/**
 * Give a video that X has its subtitles, which X must have, too. Null: it has them. An outcome says why it cannot yet, or never. Throws
 * `Refusal`.
 */
export async function addSubtitles(
  { x, media }: { x: XClient; media: MediaRoom },
  upload: UploadRow,
  xMediaId: string,
): Promise<Outcome | Gone | null> {
  const wanted = tracksOf(upload);
  const category = categories[upload.media_category ?? ""];
  if (wanted.length === 0 || category === undefined) return null;
  const resolved = await media.resolve(wanted.map(({ media_id }) => media_id));
  if ("outcome" in resolved) return resolved.outcome;
  for (const [index, { language_code, display_name }] of wanted.entries()) {
    const subtitles = { id: resolved.x_ids[index] ?? "", language_code, display_name };
    if ((await subtitle(x, xMediaId, category, subtitles)) === GONE) return GONE;
  }
  return null;
}
