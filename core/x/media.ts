import { z } from "zod";
import type { XClient } from "./client.ts";
import { endpoints } from "./endpoints.ts";
import { xId } from "./tweet-body.ts";

/** X's word that it does not know a medium: its id has expired, or was lost. */
export const GONE = "gone";
export type Gone = typeof GONE;

const initialized = z.object({ data: z.object({ id: xId, expires_after_secs: z.number().optional() }) });

const state = z.object({
  state: z.enum(["pending", "in_progress", "succeeded", "failed"]),
  check_after_secs: z.number().optional(),
  progress_percent: z.number().optional(),
  error: z.object({ name: z.string().optional(), message: z.string().optional() }).optional(),
});
const processed = z.object({
  data: z.object({ expires_after_secs: z.number().optional(), processing_info: state.optional() }),
});

export type Processing = z.output<typeof state>;

/** Where a medium stands at X: without `processing_info` it is ready. */
export type Standing = z.output<typeof processed>["data"];

const standing = (json: unknown): Standing | undefined => processed.safeParse(json).data?.data;

export type Opening = { media_type: string; media_category: string; total_bytes: number };

/** Begin an upload at X. Throws `Refusal`, as all of these do. */
export const initialize = async (
  x: XClient,
  body: Opening,
): Promise<{ id: string; expires_after_secs: number }> => {
  const found = await x.call(endpoints.initializeMedia, {
    body,
    expect: (json) => initialized.safeParse(json).data?.data,
  });
  return { id: found.id, expires_after_secs: found.expires_after_secs ?? DAY_S };
};

/** X's media ids are good for a day. */
const DAY_S = 86_400;

/** Send one segment, as a form that `segmentForm` made. Any 2xx will do: some of X's answers here are empty. */
export const append = (x: XClient, id: string, form: Form): Promise<true | Gone> =>
  x.call<true | Gone>(endpoints.appendMedia, {
    params: { id },
    form,
    expect: () => true,
    ...gone,
  });

/** All segments were sent. */
export const finalize = (x: XClient, id: string): Promise<Standing | Gone> =>
  x.call<Standing | Gone>(endpoints.finalizeMedia, { params: { id }, expect: standing, ...gone });

/** How far X has come with processing. */
export const status = (x: XClient, id: string): Promise<Standing | Gone> =>
  x.call<Standing | Gone>(endpoints.mediaStatus, {
    query: { command: "STATUS", media_id: id },
    expect: standing,
    ...gone,
  });

/** Say in words what a picture shows. */
export const describe = (x: XClient, id: string, alt_text: string): Promise<true | Gone> =>
  x.call<true | Gone>(endpoints.describeMedia, {
    body: { id, metadata: { alt_text: { text: alt_text } } },
    expect: () => true,
    ...gone,
  });

/** A file of subtitles, by X's id, and the language that it is in. */
export type Subtitles = { id: string; language_code: string; display_name: string };

/** Give a video subtitles. */
export const subtitle = (
  x: XClient,
  id: string,
  media_category: "TweetVideo" | "AmplifyVideo",
  subtitles: Subtitles,
): Promise<true | Gone> =>
  x.call<true | Gone>(endpoints.subtitleMedia, {
    body: { id, media_category, subtitles },
    expect: () => true,
    ...gone,
  });

const gone = {
  absent: GONE,
  isAbsent: ({ status, json, detail }: { status: number; json: unknown; detail: string | null }) =>
    (status === 404 && json !== undefined) || (status === 400 && /not found/i.test(detail ?? "")),
} as const;

/** A multipart body. */
export type Form = { type: string; bytes: Uint8Array<ArrayBuffer> };

const BOUNDARY = "tap-segment-5f1c9a7e";
const encoder = new TextEncoder();

const headOf = (index: number): Uint8Array =>
  encoder.encode(
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="segment_index"\r\n\r\n${index}\r\n` +
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="media"; filename="segment"\r\n` +
      `Content-Type: application/octet-stream\r\n\r\n`,
  );
const TAIL = encoder.encode(`\r\n--${BOUNDARY}--\r\n`);
const HEAD_ROOM = headOf(999).length;

/**
 * A form for one segment with room for its bytes, so that they are read to where they are sent from; `at` counts from the beginning of
 * `bytes`. Its boundary cannot stand in them by chance: they follow their own length's header, and X reads by the last one. `before`
 * is a form that was sent: its memory is used again, for megabytes are not collected as fast as they are made.
 */
export function segmentForm(index: number, size: number, before?: Form): Form & { at: number } {
  const room = HEAD_ROOM + size + TAIL.length;
  const old = before?.bytes.buffer;
  const all: Uint8Array<ArrayBuffer> =
    old && old.byteLength >= room ? new Uint8Array(old) : new Uint8Array(room);
  const head = headOf(index);
  const start = HEAD_ROOM - head.length;
  all.set(head, start);
  all.set(TAIL, HEAD_ROOM + size);
  const bytes = new Uint8Array(all.buffer, start, room - start);
  return { type: `multipart/form-data; boundary=${BOUNDARY}`, bytes, at: head.length };
}
