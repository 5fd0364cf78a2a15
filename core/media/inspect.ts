import { Problem } from "#core/lib/problem";
import { readBoxes, type ReadRange } from "./boxes.ts";
import { categoryOf, isTaken, refusalOf, typeNamed } from "./formats.ts";
import { isAsNamed, sniff, SNIFFED_BYTES } from "./sniff.ts";

/** What a client says of a file, and how much of it has come. */
export type Claimed = {
  media_type: string | null;
  media_category: string | null;
  size_bytes: number | null;
  bytes_received: number;
};

/** What a file is, as it is sent to X; or why X would not take it. */
export type Inspected = { media_type: string; media_category: string };

/**
 * Look at what has come of a file as X will. Throws the reason for which X would refuse it, as early as it can be known; what
 * we cannot read is let through, for X's word is final. Null: too little has come to tell.
 */
export async function inspect(read: ReadRange, claimed: Claimed): Promise<Inspected | null> {
  const { bytes_received, size_bytes } = claimed;
  const whole = bytes_received === size_bytes;
  if (!whole && bytes_received < SNIFFED_BYTES) return null;
  const sniffed = await sniff(await read(0, Math.min(SNIFFED_BYTES, bytes_received)));
  const named = typeNamed(claimed.media_type);
  if (named !== null && sniffed !== null && !isAsNamed(named, sniffed) && isTaken(sniffed))
    throw new Problem("media_mislabelled", { detail: `The file is ${sniffed}, not ${named}` });
  const media_type = sniffed ?? named;
  if (media_type === null)
    throw new Problem("media_unsupported", {
      detail: "Neither its bytes nor its client say what this file is",
    });
  const boxes = whole && isMovie(sniffed) ? await readBoxes(read, size_bytes) : null;
  if (boxes && boxes.end > (size_bytes ?? Infinity))
    throw new Problem("media_cut_off", {
      detail: `The file has ${String(size_bytes)} bytes; by its own boxes it needs ${boxes.end}`,
    });
  const media_category = claimed.media_category ?? categoryOf(media_type) ?? "tweet_video";
  const refusal = refusalOf({
    media_type,
    media_category,
    size_bytes,
    duration_s: boxes?.duration_s ?? null,
  });
  if (refusal) throw refusal;
  return { media_type, media_category };
}

const isMovie = (type: string | null): boolean => type === "video/mp4" || type === "video/quicktime";
