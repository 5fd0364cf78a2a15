import { again, done, fail, retry, type Outcome } from "#core/lib/outcome";
import { Problem } from "#core/lib/problem";
import type { UploadRow } from "#core/store/uploads";
import type { XClient } from "#core/x/client";
import {
  append,
  describe,
  finalize,
  GONE,
  initialize,
  segmentForm,
  status,
  type Form,
  type Standing,
} from "#core/x/media";
import { readyId, type Known } from "./resolve.ts";
import type { MediaRoom } from "./room.ts";
import { inFlight, segmentBytes } from "./segments.ts";
import { addSubtitles } from "./subtitles.ts";

/** Where the sending of a medium stands: the checkpoint of its job. */
export type Sending = {
  /** How often X has lost it, and it was begun anew. */
  losses: number;
  /** What X calls it; null before it was begun. */
  x_media_id: string | null;
  /** Epoch ms. */
  x_expires_at: number;
  segment_bytes: number;
  /** The next segment: all before it were taken. */
  next: number;
  bytes_sent: number;
  /** Since when X processes it: epoch ms, or null while it is being sent. */
  processing_since: number | null;
  processing_percent: number | null;
};

/** What sending runs on. */
export type Sender = {
  x: XClient;
  media: MediaRoom;
  now: () => number;
  /** Whether there is time for another call. */
  mayCall: () => boolean;
  /** Note how far it has come. Throws when somebody else is at it. */
  save: (checkpoint: Sending) => Promise<void>;
};

/** What X has for at least as long needs not be sent again: it is sent half an hour before its tweet is due. */
const GOOD_FOR_MS = 3_600_000;
/** X takes up to hours for long videos; what it has not done by then it will not do. */
const PROCESSED_WITHIN_MS = 6 * 3_600_000;
const CHECK_AFTER_S = 5;
const MOST_LOSSES = 3;
const LOST_PAUSE_S = 5;

/**
 * Send a medium to X, from where an earlier run got to. Each step may be done twice: a segment overwrites itself, and an
 * upload that nobody finishes is forgotten by X.
 */
export async function send(
  sender: Sender,
  upload: UploadRow,
  checkpoint: unknown,
  bound: Known,
): Promise<Outcome> {
  const ready = checkpoint === null ? readyId(bound, sender.now(), GOOD_FOR_MS) : null;
  if (ready !== null) return ended(upload.id, ready, bound.bound?.x_expires_at ?? 0);
  if (upload.cleared_at !== null) return fail(new Problem("media_gone", { detail: "Its bytes are gone" }));
  const at = checkpoint === null ? fresh(0) : (checkpoint as Sending);
  if (at.processing_since !== null) return process(sender, upload, at, await ask(sender, at));
  const begun = at.x_media_id === null ? await begin(sender, upload, at) : at;
  const sent = await sendSegments(sender, upload, begun);
  if (sent === GONE) return lost(begun);
  if (sent.bytes_sent < (upload.size_bytes ?? 0) || !sender.mayCall()) return again(sent, 0);
  return process(sender, upload, sent, await finalize(sender.x, idOf(sent)));
}

const fresh = (losses: number): Sending => ({
  losses,
  x_media_id: null,
  x_expires_at: 0,
  segment_bytes: 0,
  next: 0,
  bytes_sent: 0,
  processing_since: null,
  processing_percent: null,
});

async function begin({ x, media, now, save }: Sender, upload: UploadRow, at: Sending): Promise<Sending> {
  const total_bytes = upload.size_bytes ?? 0;
  const { id, expires_after_secs } = await initialize(x, {
    media_type: upload.media_type ?? "",
    media_category: upload.media_category ?? "",
    total_bytes,
  });
  await media.take(upload.id);
  const begun = {
    ...at,
    x_media_id: id,
    x_expires_at: now() + expires_after_secs * 1000,
    segment_bytes: segmentBytes(total_bytes),
  };
  await save(begun);
  return begun;
}

/** Send segments, several at once, as long as there is time. One checkpoint covers all that were in flight. */
async function sendSegments(
  sender: Sender,
  upload: UploadRow,
  from: Sending,
): Promise<Sending | typeof GONE> {
  const size = upload.size_bytes ?? 0;
  let at = from;
  const forms: Form[] = [];
  while (at.bytes_sent < size && sender.mayCall()) {
    const segments = inFlight(size, at.segment_bytes, at.next);
    const answers = await Promise.allSettled(
      segments.map(async ({ index, offset, length }, place) => {
        const form = segmentForm(index, length, forms[place]);
        forms[place] = form;
        await sender.media.read(upload.id, { offset, length }, form.bytes, form.at);
        return append(sender.x, idOf(at), form);
      }),
    );
    const taken = answers.findIndex(({ status }) => status === "rejected");
    const failed = answers[taken];
    const count = taken < 0 ? segments.length : taken;
    if (answers.some((answer) => answer.status === "fulfilled" && answer.value === GONE)) return GONE;
    if (count > 0) {
      const next = at.next + count;
      at = { ...at, next, bytes_sent: Math.min(size, next * at.segment_bytes) };
      await sender.save(at);
    }
    if (failed?.status === "rejected") throw failed.reason;
  }
  return at;
}

const ask = ({ x }: Sender, at: Sending): Promise<Standing | typeof GONE> => status(x, idOf(at));

/** What X says of a medium that it has whole. */
async function process(
  sender: Sender,
  upload: UploadRow,
  at: Sending,
  standing: Standing | typeof GONE,
): Promise<Outcome> {
  if (standing === GONE) return lost(at);
  const now = sender.now();
  const since = at.processing_since ?? now;
  const x_expires_at =
    standing.expires_after_secs === undefined ? at.x_expires_at : now + standing.expires_after_secs * 1000;
  const info = standing.processing_info;
  if (!info || info.state === "succeeded") {
    if (
      upload.alt_text !== null &&
      isPicture(upload) &&
      (await describe(sender.x, idOf(at), upload.alt_text)) === GONE
    )
      return lost(at);
    const missing = await addSubtitles(sender, upload, idOf(at));
    if (missing === GONE) return lost(at);
    // It goes on from here when X has them.
    if (missing?.type === "await")
      return { ...missing, checkpoint: { ...at, x_expires_at, processing_since: since } };
    return missing ?? ended(upload.id, idOf(at), x_expires_at);
  }
  if (info.state === "failed") return fail(refusedBy(info));
  if (now - since > PROCESSED_WITHIN_MS)
    return retry(new Problem("x_unexpected", { detail: "X has processed it for six hours without an end." }));
  const processing = {
    ...at,
    x_expires_at,
    processing_since: since,
    processing_percent: Math.floor(info.progress_percent ?? at.processing_percent ?? 0),
  };
  return again(processing, Math.max(1, info.check_after_secs ?? CHECK_AFTER_S));
}

/** X's own words for a file that it could not process. */
const refusedBy = ({ error }: NonNullable<Standing["processing_info"]>): Problem =>
  new Problem("x_media_failed", {
    detail: error?.message ?? "X could not process it",
    upstream: { status: 200, type: error?.name ?? null, detail: error?.message ?? null },
  });

/** X does not know it any more: it is begun anew, but not for ever. */
function lost(at: Sending): Outcome {
  if (at.losses >= MOST_LOSSES)
    return fail(new Problem("x_not_found", { detail: `X has lost the medium ${at.losses + 1} times` }));
  return again(fresh(at.losses + 1), LOST_PAUSE_S * 2 ** at.losses);
}

const ended = (media_id: string, x_media_id: string, x_expires_at: number): Outcome =>
  done(
    { x_media_id, expires_at: new Date(x_expires_at).toISOString() },
    { bound: { media_id, x_media_id, x_expires_at } },
  );

/** Only those are described. */
const isPicture = ({ media_category }: UploadRow): boolean => /(image|gif)$/.test(media_category ?? "");

const idOf = ({ x_media_id }: Sending): string => x_media_id ?? "";
