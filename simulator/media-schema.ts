import type { Schema } from "./schema.ts";

const text: Schema = { type: "string" };
const any: Schema = { type: "any" };
const id: Schema = { type: "string", pattern: /^[0-9]{1,19}$/ };
const categories = ["tweet_image", "tweet_video", "tweet_gif", "dm_image", "dm_video", "dm_gif", "subtitles"];
const types =
  "video/mp4 video/webm video/mp2t video/quicktime text/srt text/vtt image/jpeg image/gif image/bmp image/png " +
  "image/webp image/pjpeg image/tiff model/gltf-binary model/vnd.usdz+zip";

/** The most bytes one segment may have (X's page "Chunked media upload", September 2026). */
export const segment_bytes = 8 * 1024 * 1024;

/** `InitializeMediaUploadRequest` of X's OpenAPI document 2.167. */
export const initializeSchema: Schema = {
  type: "object",
  properties: {
    additional_owners: { type: "array", items: id },
    media_category: { type: "string", enum: ["amplify_video", ...categories] },
    media_type: { type: "string", enum: types.split(" ") },
    shared: { type: "boolean" },
    total_bytes: { type: "integer", minimum: 0, maximum: 17_179_869_184 },
  },
};

/** `AppendMediaUploadRequest`; the bytes themselves are read before. */
export const appendSchema: Schema = {
  type: "object",
  required: ["media", "segment_index"],
  properties: { media: any, segment_index: { type: "integer", minimum: 0, maximum: 999 } },
};

/** `MediaUploadRequest`, the whole file in one request. */
export const uploadSchema: Schema = {
  type: "object",
  required: ["media", "media_category"],
  properties: { media: any, media_category: { type: "string", enum: categories }, additional_owners: text },
};

/** `CreateMediaMetadataRequest`; what we do not read may have any form. */
export const metadataSchema: Schema = {
  type: "object",
  required: ["id"],
  open: true,
  properties: {
    id,
    metadata: {
      type: "object",
      open: true,
      properties: {
        alt_text: {
          type: "object",
          required: ["text"],
          open: true,
          properties: { text: { type: "string", maxLength: 1_000 } },
        },
      },
    },
  },
};

/** `CreateMediaSubtitlesRequest`, with what its version 2.169 requires. */
export const subtitlesSchema: Schema = {
  type: "object",
  required: ["id", "media_category", "subtitles"],
  properties: {
    id,
    media_category: { type: "string", enum: ["AmplifyVideo", "TweetVideo"] },
    subtitles: {
      type: "object",
      required: ["id", "language_code", "display_name"],
      properties: { id, language_code: { type: "string", pattern: /^[A-Z]{2}$/ }, display_name: text },
    },
  },
};

const mega = 1024 * 1024;
const rules: Record<string, { type: RegExp; bytes: number }> = {
  image: { type: /^image\//, bytes: 5 * mega },
  gif: { type: /^image\/gif$/, bytes: 15 * mega },
  video: { type: /^video\//, bytes: 8 * 1024 * mega },
  subtitles: { type: /^text\//, bytes: mega },
};

/** Why a file of this type and size cannot be uploaded under this category, or null. */
export function categoryFlaw(category: string, type: string, bytes: number): string | null {
  const rule = rules[category.split("_").at(-1) ?? ""];
  if (!rule) return null;
  if (type !== "" && !rule.type.test(type))
    return `media type ${type} is not supported for category ${category}`;
  return bytes > rule.bytes ? `File size exceeds ${rule.bytes} bytes.` : null;
}
