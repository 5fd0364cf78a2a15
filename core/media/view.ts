import { z } from "zod";
import { rfc3339 } from "#core/lib/clock";
import type { Sending } from "./send.ts";
import type { BoundRow } from "#core/store/media-bindings";
import type { MediaEvent, ToldUpload } from "#core/store/events";

const time = z.iso.datetime().nullable();

export const mediaStates = ["receiving", "received", "sending", "processing", "ready", "failed"] as const;

/** A medium as the API shows it: how far both halves have come, from its client to us and from us to X. */
export const mediaSchema = z.strictObject({
  id: z.string(),
  state: z.enum(mediaStates),
  account_id: z.string(),
  size_bytes: z.int().nullable(),
  bytes_received: z.int(),
  bytes_sent: z.int(),
  processing_percent: z.int().nullable(),
  media_type: z.string().nullable(),
  media_category: z.string().nullable(),
  x_media_id: z.string().nullable(),
  x_expires_at: time,
  error: z.unknown(),
  created_at: z.iso.datetime(),
  expires_at: time.describe("When its bytes may go, unless a job needs them."),
});

export type MediaView = z.output<typeof mediaSchema>;

type Sent = { state: MediaView["state"]; bytes: number; percent: number | null; error: string | null };

/** How far the second half has come: its job's checkpoint says, and X's id that it is done. */
function sentOf(upload: ToldUpload, bound: BoundRow | null, now: number): Sent {
  const at = (state: Sent["state"], more: Partial<Sent> = {}): Sent => ({
    state,
    bytes: 0,
    percent: null,
    error: null,
    ...more,
  });
  if (upload.state !== "received") return at(upload.state, { error: upload.error });
  if (bound?.x_media_id != null && (bound.x_expires_at ?? 0) > now)
    return at("ready", { bytes: upload.size_bytes ?? 0 });
  if (bound?.state === "failed" || bound?.state === "dead" || bound?.state === "canceled")
    return at("failed", { error: bound.error });
  const sending =
    bound?.open === 1 && bound.checkpoint !== null ? (JSON.parse(bound.checkpoint) as Sending | null) : null;
  if (sending === null) return at("received");
  const { bytes_sent: bytes, processing_since, processing_percent: percent } = sending;
  return processing_since === null ? at("sending", { bytes }) : at("processing", { bytes, percent });
}

/** How a medium stands for an account. */
export const stateOf = (upload: ToldUpload, bound: BoundRow | null, now: number): MediaView["state"] =>
  sentOf(upload, bound, now).state;

/** Show a medium as it stands for an account. `now` in epoch ms. */
export function mediaView(upload: ToldUpload, bound: BoundRow | null, now: number): MediaView {
  const sent = sentOf(upload, bound, now);
  return {
    id: upload.id,
    state: sent.state,
    account_id: upload.account_id,
    size_bytes: upload.size_bytes,
    bytes_received: upload.bytes_received,
    bytes_sent: sent.bytes,
    processing_percent: sent.percent,
    media_type: upload.media_type,
    media_category: upload.media_category,
    x_media_id: bound?.x_media_id ?? null,
    x_expires_at: rfc3339(bound?.x_expires_at ?? null),
    error: sent.error === null ? null : JSON.parse(sent.error),
    created_at: new Date(upload.created_at).toISOString(),
    expires_at: rfc3339(upload.cleared_at === null ? upload.expires_at : null),
  };
}

/** Show what became of a medium: as it is read, with its end, whatever has been done about it since. `at` in epoch ms. */
export function endedMedium({ media_id, account_id, upload, bound }: MediaEvent, at: number): MediaView {
  const state = bound?.x_media_id == null ? "failed" : "ready";
  const sent = bound?.checkpoint == null ? null : (JSON.parse(bound.checkpoint) as Sending | null);
  const bytes = sent?.bytes_sent ?? 0;
  const shown = upload
    ? mediaView(upload, bound, at)
    : { ...mediaView(elsewhere(media_id, bytes, bound?.created_at ?? at), bound, at), expires_at: null };
  const error = bound?.error == null ? null : (JSON.parse(bound.error) as unknown);
  return { ...shown, account_id, state, error: shown.error ?? error };
}

/** Of a medium on another database its own account's job knows no more than what it sent. */
const elsewhere = (id: string, bytes: number, created_at: number): ToldUpload => ({
  id,
  account_id: "",
  state: "received",
  size_bytes: bytes === 0 ? null : bytes,
  bytes_received: bytes,
  media_type: null,
  media_category: null,
  error: null,
  created_at,
  expires_at: 0,
  cleared_at: null,
});
