import { z } from "zod";
import { isId, newId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import type { NewUpload } from "#core/store/uploads";
import { categories, refusalOf, typeNamed } from "./formats.ts";
import { tracks } from "./subtitles.ts";

const name = z.string().max(1_000).optional();

/**
 * What a client says of a medium: as fields of JSON, as query parameters or as the keys of `Upload-Metadata`. Keys that are
 * not ours are kept, for upload clients send their own.
 */
export const mediaFields = z.object({
  account_id: z.string().refine((text) => isId("acc", text), "Not an account id (acc_…)"),
  filename: name,
  name,
  filetype: name,
  type: name,
  media_category: z.enum(categories).optional(),
  alt_text: z
    .string()
    .refine((text) => Array.from(text).length <= 1_000, "At most 1,000 characters")
    .optional(),
  send: z.enum(["now", "later"]).optional(),
  subtitles: z
    .preprocess((given) => (typeof given === "string" ? parsed(given) : given), tracks.optional())
    .describe("Of a video: `[{media_id, language_code, display_name}]`, as JSON where only text can stand."),
});

/** What is no JSON is no list either. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

export type MediaFields = z.output<typeof mediaFields>;

/** How long an upload may take, from its creation to its last byte. */
const RECEIVED_WITHIN_MS = 3 * 86_400_000;

type Given = {
  client_id: string;
  /** That of the upload, where it has one already. */
  id?: string;
  size_bytes: number | null;
  source_url: string | null;
  /** Whose bytes count from the beginning. */
  writer: string | null;
  now: number;
};

/** The id of a new medium, on the database of its account. */
export const newMediumId = (accountId: string, now: number): string => newId("med", accountId.slice(-1), now);

/** A new upload, refused right away if X would refuse what its client says of it. */
export function newUpload(fields: MediaFields & Record<string, unknown>, given: Given): NewUpload {
  const { account_id, filetype, type, media_category, alt_text, send = "now" } = fields;
  const media_type = typeNamed(filetype ?? type);
  const refusal = refusalOf({
    media_type,
    media_category: media_category ?? null,
    size_bytes: given.size_bytes,
  });
  if (refusal) throw refusal;
  if (fields.subtitles && media_type !== null && !media_type.startsWith("video/")) {
    const error = { pointer: "/subtitles", code: "dependent", detail: "Goes with videos only" };
    throw new Problem("invalid", { errors: [error] });
  }
  return {
    client_id: given.client_id,
    id: given.id ?? newMediumId(account_id, given.now),
    account_id,
    size_bytes: given.size_bytes,
    writer: given.writer,
    send,
    metadata: JSON.stringify(fields),
    source_url: given.source_url,
    media_type,
    media_category: media_category ?? null,
    alt_text: alt_text ?? null,
    expires_after_ms: RECEIVED_WITHIN_MS,
  };
}
