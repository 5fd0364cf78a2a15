import { hex, sha256 } from "./bytes.ts";
import type { Media, Subtitles } from "./entities.ts";
import { empty, json, jsonBody, mediaType, type Answer } from "./exchange.ts";
import { mediaAnswer } from "./media-answer.ts";
import { partsOf } from "./media-parts.ts";
import { imageSize, typeOf } from "./image-size.ts";
import {
  appendSchema,
  categoryFlaw,
  initializeSchema,
  metadataSchema,
  segment_bytes,
  subtitlesSchema,
  uploadSchema,
} from "./media-schema.ts";
import { mayUse, media_life_s, stateOf } from "./media-use.ts";
import { invalid, problem } from "./problem.ts";
import { flawOf, type Schema } from "./schema.ts";
import type { Sim, Visit } from "./sim.ts";
import type { MediaFact } from "./world.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Opening = {
  media_type?: string;
  media_category?: string;
  total_bytes?: number;
  additional_owners?: string[];
};

/** POST /2/media/upload/initialize: a new upload session. */
export function initialize(visit: Visit): Answer {
  const body = readJson(visit, initializeSchema);
  if ("status" in body) return body;
  const opening = body.value as Opening;
  const flaw = categoryFlaw(opening.media_category ?? "", opening.media_type ?? "", opening.total_bytes ?? 0);
  if (flaw) return invalid(visit.sim.world.settings, flaw);
  const { id, media_key } = open(visit, opening);
  return json({ data: { id, media_key, expires_after_secs: media_life_s } });
}

/** POST /2/media/upload/:id/append: one segment, as multipart (raw) or JSON (base64). The same index may come again. */
export async function append(visit: Visit): Promise<Answer> {
  const { sim, call } = visit;
  const { settings } = sim.world;
  const media = ownMedia(visit, visit.id);
  const { state } = media ? stateOf(media, sim.now()) : { state: "expired" };
  if (!media || state !== "uploading") return invalid(settings, "BadRequest: Not found");
  const parts = await partsOf(call);
  const given = { ...parts.fields, segment_index: toNumber(parts.fields.segment_index) };
  const flaw = flawOf(appendSchema, parts.bytes ? { ...given, media: "" } : given);
  if (flaw) return invalid(settings, flaw.message, flaw.at, flaw.value);
  const bytes = parts.bytes ?? new Uint8Array();
  if (bytes.length > segment_bytes) return problem(413, "Payload Too Large");
  sim.commit({ type: "media.appended", id: media.id, index: given.segment_index as number, bytes });
  if (settings.append_answer === "empty") return empty(204);
  return json({ data: { expires_at: Math.floor(media.created_at / 1000) + media_life_s } });
}

/** POST /2/media/upload/:id/finalize: the segments must be without gaps and add up to `total_bytes`. */
export async function finalize(visit: Visit): Promise<Answer> {
  const media = ownMedia(visit, visit.id);
  const { sim } = visit;
  if (!media || stateOf(media, sim.now()).state === "expired") {
    return invalid(sim.world.settings, "BadRequest: Not found");
  }
  if (media.finalized_at !== null) return json({ data: mediaAnswer(sim, media) });
  const whole = assemble(media);
  if (whole?.length !== media.total_bytes) {
    return invalid(sim.world.settings, "Segments do not add up to provided total file size.");
  }
  await close(sim, media, whole);
  return json({ data: mediaAnswer(sim, media) });
}

/** GET /2/media/upload?media_id=: the state of processing. An image has none, and X answers 400. */
export function status(visit: Visit): Answer {
  const { sim, call } = visit;
  const media = ownMedia(visit, call.query.get("media_id") ?? "");
  const known = media && media.finalized_at !== null && stateOf(media, sim.now()).state !== "expired";
  if (!known || media.category.endsWith("image")) return invalid(sim.world.settings, "BadRequest: Not found");
  return json({ data: mediaAnswer(sim, media) });
}

/** POST /2/media/upload: the whole file at once, as multipart or JSON. The old `command` protocol is refused. */
export async function upload(visit: Visit): Promise<Answer> {
  const { sim, call } = visit;
  const { fields, bytes } = await partsOf(call);
  const flaw = flawOf(uploadSchema, bytes ? { ...fields, media: "" } : fields);
  if (flaw) return invalid(sim.world.settings, flaw.message, flaw.at, flaw.value);
  const whole = bytes ?? new Uint8Array();
  const { media_category, additional_owners: owners } = fields as {
    media_category: string;
    additional_owners?: string;
  };
  const media_type = typeOf(whole, media_category);
  const wrong = categoryFlaw(media_category, media_type, whole.length);
  if (wrong) return invalid(sim.world.settings, wrong);
  const additional_owners = owners?.split(",") ?? [];
  const { id } = open(visit, { media_type, media_category, total_bytes: whole.length, additional_owners });
  const media = ownMedia(visit, id);
  if (!media) return problem(500);
  await close(sim, media, whole);
  return json({ data: mediaAnswer(sim, media) });
}

/** POST /2/media/metadata: the alternative text and the like. */
export function describeMedia(visit: Visit): Answer {
  const body = readJson(visit, metadataSchema);
  if ("status" in body) return body;
  const { id, metadata = {} } = body.value as { id: string; metadata?: Record<string, unknown> };
  const media = ownMedia(visit, id);
  if (!media) return invalid(visit.sim.world.settings, "Your media IDs are invalid.", "id", id);
  visit.sim.commit({ type: "media.described", id, metadata });
  return json({ data: { id, associated_metadata: metadata } });
}

/** POST /2/media/subtitles: a file of subtitles, uploaded before, becomes part of a video. */
export function addSubtitles(visit: Visit): Answer {
  const { sim } = visit;
  const body = readJson(visit, subtitlesSchema);
  if ("status" in body) return body;
  const { id, media_category, subtitles } = body.value as {
    id: string;
    media_category: string;
    subtitles: Subtitles;
  };
  const isReady = (media: Media | null, category: string): boolean =>
    media?.category === category && stateOf(media, sim.now()).state === "succeeded";
  const category = media_category === "TweetVideo" ? "tweet_video" : "amplify_video";
  if (!isReady(ownMedia(visit, id), category) || !isReady(ownMedia(visit, subtitles.id), "subtitles"))
    return invalid(sim.world.settings, "Your media IDs are invalid.", "id", id);
  sim.commit({ type: "media.subtitled", id, subtitles });
  return json({ data: { id, media_category, associated_subtitles: subtitles } });
}

function open({ sim, user }: Visit, opening: Opening): MediaFact {
  const id = sim.id();
  const category = opening.media_category ?? "tweet_image";
  const prefix = { image: "3", gif: "16", amplify_video: "13" }[category.replace(/^(tweet|dm)_/, "")] ?? "7";
  const media = {
    id,
    media_key: `${prefix}_${id}`,
    user_id: user.id,
    owners: opening.additional_owners ?? [],
    category,
    type: opening.media_type ?? "",
    total_bytes: opening.total_bytes ?? 0,
    created_at: sim.now(),
  };
  sim.commit({ type: "media.initialized", media });
  return media;
}

async function close(sim: Sim, media: Media, whole: Bytes): Promise<void> {
  const { media_processing_ms, media_outcome } = sim.world.settings;
  const slow = /(video|gif)$/.test(media.category);
  const digest = hex(await sha256(whole));
  const { width = null, height = null } = imageSize(whole) ?? {};
  const after = {
    processing_ms: slow ? media_processing_ms : 0,
    outcome: slow ? media_outcome : "succeeded",
  } as const;
  const end = { size: whole.length, sha256: digest, width, height, ...after };
  sim.commit({ type: "media.finalized", id: media.id, at: sim.now(), end });
}

function ownMedia({ sim, user }: Visit, id: string): Media | null {
  const media = sim.world.media.get(id);
  return media && mayUse(media, user.id) ? media : null;
}

function assemble(media: Media): Bytes | null {
  const parts = Array.from({ length: media.segments.size }, (_, index) => media.segments.get(index));
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + (part?.length ?? 0), 0));
  let at = 0;
  for (const part of parts) {
    if (!part) return null;
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function readJson({ sim, call }: Visit, schema: Schema): Answer | { value: unknown } {
  const { settings } = sim.world;
  if (mediaType(call) !== "application/json") {
    return invalid(settings, "Requests with bodies must have content-type of application/json.");
  }
  const value = jsonBody(call);
  const flaw = flawOf(schema, value);
  return flaw ? invalid(settings, flaw.message, flaw.at || undefined, flaw.value) : { value };
}

// In multipart everything is text.
const toNumber = (value: unknown) =>
  typeof value === "string" && /^\d{1,4}$/.test(value) ? Number(value) : value;
