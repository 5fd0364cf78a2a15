import { Problem } from "#core/lib/problem";

/** The categories under which X takes media, and those of them that a tweet can carry. */
export const categories = [
  "tweet_image",
  "tweet_gif",
  "tweet_video",
  "amplify_video",
  "dm_image",
  "dm_gif",
  "dm_video",
  "subtitles",
] as const;

export type Category = (typeof categories)[number];

const MIB = 1024 * 1024;

/** 1,000 segments of at most 8 MB: what X's own 16 GB come to in practice. */
export const MAX_BYTES = 8_000_000_000;

type Limit = { of: RegExp; max_bytes: number; duration_s?: readonly [least: number, most: number] };

const VIDEO: Limit = { of: /^video\//, max_bytes: MAX_BYTES, duration_s: [0.5, 125 * 60] };

/** What X says it takes (September 2026); where it depends on the account, the most that any account may. */
const limits: Record<Category, Limit> = {
  tweet_image: { of: /^image\//, max_bytes: 5 * MIB },
  dm_image: { of: /^image\//, max_bytes: 5 * MIB },
  tweet_gif: { of: /^image\/gif$/, max_bytes: 15 * MIB },
  dm_gif: { of: /^image\/gif$/, max_bytes: 15 * MIB },
  tweet_video: VIDEO,
  amplify_video: VIDEO,
  dm_video: { of: /^video\//, max_bytes: 1024 * MIB, duration_s: [0.5, 10 * 60] },
  subtitles: { of: /^text\//, max_bytes: MIB },
};

/** The types that X names in its API. */
const types = new Set(
  (
    "video/mp4 video/webm video/mp2t video/quicktime text/srt text/vtt image/jpeg image/gif image/bmp image/png " +
    "image/webp image/pjpeg image/tiff model/gltf-binary model/vnd.usdz+zip"
  ).split(" "),
);

const OTHER_NAMES: Record<string, string> = {
  "image/jpg": "image/jpeg",
  "image/x-png": "image/png",
  "image/apng": "image/png",
  "image/vnd.mozilla.apng": "image/png",
  "video/x-m4v": "video/mp4",
  "application/x-subrip": "text/srt",
};

/** A type as X names it: `image/jpg; x=y` is `image/jpeg`. Null when nothing was said. */
export function typeNamed(name: string | null | undefined): string | null {
  const type = (name ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (type === "" || type === "application/octet-stream") return null;
  return OTHER_NAMES[type] ?? type;
}

export const isTaken = (type: string): boolean => types.has(type);

const usual: Record<string, Category> = { image: "tweet_image", video: "tweet_video", text: "subtitles" };

/** What a file is posted as when its client does not say. */
export function categoryOf(type: string | null): Category | null {
  if (type === "image/gif") return "tweet_gif";
  return usual[type?.split("/")[0] ?? ""] ?? null;
}

/** What is known of a file, so far. */
export type Known = {
  media_type: string | null;
  media_category: string | null;
  size_bytes: number | null;
  duration_s?: number | null;
};

/** Why X would not take a file of which so much is known, or null. */
export function refusalOf({ media_type, media_category, size_bytes, duration_s }: Known): Problem | null {
  if (media_type !== null && !isTaken(media_type))
    return new Problem("media_unsupported", { detail: `X takes no ${media_type}` });
  const category = media_category ?? categoryOf(media_type);
  const limit = category === null ? undefined : limits[category as Category];
  if (!limit || category === null) return tooLarge(size_bytes, MAX_BYTES, "media");
  if (media_type !== null && !limit.of.test(media_type))
    return new Problem("media_unsupported", { detail: `X takes no ${media_type} as ${category}` });
  const [least = 0, most = Infinity] = limit.duration_s ?? [];
  if (duration_s && (duration_s < least || duration_s > most))
    return new Problem("media_duration", {
      detail: `The video lasts ${duration_s} s; as ${category} X takes ${least} s to ${most} s`,
    });
  return tooLarge(size_bytes, limit.max_bytes, category);
}

const tooLarge = (size: number | null, most: number, what: string): Problem | null =>
  size !== null && size > most
    ? new Problem("media_too_large", { detail: `${size} bytes; as ${what} X takes ${most}` })
    : null;
