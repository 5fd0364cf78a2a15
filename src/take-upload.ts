import { asScheduled } from "#core/jobs/commit";
import { laneOf } from "#core/jobs/define";
import { mediaUpload } from "#core/jobs/kinds/media-upload";
import { uploadOf } from "#core/jobs/uploads";
import { wake } from "#core/jobs/wake";
import { randomText } from "#core/lib/ids";
import { Problem, type ProblemBody } from "#core/lib/problem";
import { mediaFields, newUpload, type MediaFields } from "#core/media/begin";
import { receive, type Checksum, type Intake } from "#core/media/receive";
import { createSource, type Source } from "#core/media/source";
import * as awaiting from "#core/store/awaiting";
import * as lanes from "#core/store/lanes";
import * as bindings from "#core/store/media-bindings";
import { shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import * as uploads from "#core/store/uploads";
import type { UploadRow } from "#core/store/uploads";
import type { App } from "./app.ts";
import { clientOf, mayUse, type Caller } from "./auth.ts";
import { refErrors } from "./check-media.ts";
import { fieldErrors } from "./validate.ts";
import { tellAll } from "./tell-all.ts";

/** An upload that takes bytes, from whoever holds its writer. */
export type Taking = UploadRow & { writer: string };

const WRITER_LENGTH = 16;
/** A queue can hang for a minute; the clock finds what it lost. */
const WAKE_LIMIT_MS = 2_000;

export const newWriter = (): string => randomText(WRITER_LENGTH);

/** What a client says of a medium. Throws `invalid` with every mistake, and 403 for an account that its key does not reach. */
export function readFields(caller: Caller, given: Record<string, unknown>): MediaFields {
  const read = mediaFields.safeParse(given);
  if (!read.success) throw new Problem("invalid", { errors: fieldErrors(read.error) });
  if (!mayUse(caller, read.data.account_id))
    throw new Problem("insufficient_scope", { detail: "This key does not reach that account" });
  return { ...given, ...read.data };
}

type Begun = { id?: string; size_bytes: number | null; source_url?: string; taking: boolean };

type Piece = { limit: number; length: number | null; checksum?: Checksum | null; source?: Source | null };

/** Begin an upload. Throws when the account is not one of the caller's, and when X would not take what is said of the file. */
export async function begin(app: App, caller: Caller, fields: MediaFields, begun: Begun): Promise<UploadRow> {
  const { id, size_bytes, source_url = null, taking } = begun;
  const writer = taking ? newWriter() : null;
  const now = app.clock.now();
  const client_id = clientOf(caller);
  const upload = newUpload(fields, {
    client_id,
    size_bytes,
    source_url,
    writer,
    now,
    ...(id !== undefined && { id }),
  });
  const db = shard(app.databases, upload.id);
  const subtitles = (fields.subtitles ?? []).map(({ media_id: id }, index) => ({
    id,
    path: ["subtitles", index, "media_id"],
  }));
  const [errors = []] = await refErrors(app, caller, [{ refs: subtitles, pointer: "" }]);
  if (errors.length > 0) throw new Problem("invalid", { errors });
  const row = db && (await first<UploadRow>(uploads.insert(db, app.clock.stored(), upload)));
  if (row) return row;
  const detail = "No such account";
  throw new Problem("not_found", { detail, errors: [{ pointer: "/account_id", code: "not_found", detail }] });
}

/** An upload of the caller's. Another's is not found, like one that does not exist. */
export async function findUpload(app: App, caller: Caller, id: string): Promise<UploadRow> {
  const db = shard(app.databases, id);
  const row = db && (await first<UploadRow>(uploads.find(db, clientOf(caller), id)));
  if (!row || !mayUse(caller, row.account_id)) throw new Problem("not_found", { detail: "No such medium" });
  return row;
}

/** Refuse to go on with an upload that takes no more bytes. Throws 410, or what ended it. */
export function checkOpen(app: App, upload: UploadRow): void {
  if (upload.error !== null) {
    const { code, detail } = JSON.parse(upload.error) as ProblemBody;
    throw new Problem(code, { detail });
  }
  if (upload.state === "receiving" && upload.expires_at <= app.clock.now())
    throw new Problem("upload_expired");
}

/** Become the one whose bytes count: whoever sends on another connection, dead or alive, sends in vain from now on. */
export async function takeOver(app: App, { client_id, id }: UploadRow): Promise<Taking> {
  const db = databaseOf(app, id);
  const writer = newWriter();
  const upload = { client_id, id };
  const row = await first<Taking>(uploads.takeOver(db, app.clock.stored(), upload, writer));
  if (!row) throw new Problem("upload_conflict", { detail: "It takes no more bytes" });
  return row;
}

/** The bytes of a request. */
export const sourceOf = ({ body }: Request): Source | null =>
  body && createSource(body as ReadableStream<Uint8Array>);

/** Take the bytes of a request, or what is left of them. Returns how far the upload has come. */
export async function take(app: App, upload: Taking, request: Request, piece: Piece): Promise<number> {
  const { limit, length, checksum = null } = piece;
  const room = (upload.size_bytes ?? Infinity) - upload.bytes_received;
  if (length !== null && length > room)
    throw new Problem("body_too_large", {
      detail: `The upload needs ${room} bytes more, and this is ${length}`,
    });
  const { source = sourceOf(request) } = piece;
  const incoming = { upload, source, length, checksum, limit };
  const taken = await receive(intakeOf(app, upload.id), incoming).catch((error: unknown) => {
    // Who wants to hear of media may be another than who uploads them.
    app.later(tellAll(app, upload.client_id));
    throw error;
  });
  if (taken.bytes_received === upload.size_bytes) app.later(wake(app, [laneFor(upload)], WAKE_LIMIT_MS));
  return taken.bytes_received;
}

/** Ask for an upload to be sent, from wherever its bytes are to come. */
export async function askFor(app: App, upload: UploadRow): Promise<void> {
  const db = databaseOf(app, upload.id);
  await db.batch(await sending(app, upload, 0));
  app.later(wake(app, [laneFor(upload)], WAKE_LIMIT_MS));
}

async function sending(app: App, upload: UploadRow, if_received: 0 | 1): Promise<D1PreparedStatement[]> {
  const { client_id, account_id, id: media_id } = upload;
  const db = databaseOf(app, media_id);
  const now = app.clock.stored();
  const ask = { ...(await uploadOf({ client_id, account_id, media_id }, { received: true })), if_received };
  return [
    bindings.ask(db, now, [ask]),
    bindings.bind(db, [ask]),
    lanes.schedule(db, now, [asScheduled(ask)]),
  ];
}

const laneFor = ({ id, account_id }: UploadRow) => ({
  lane: laneOf(mediaUpload, account_id, { account_id, media_id: id }),
  wait_ms: 0,
});

/** What goes into the commit that takes the last byte: its job, and whatever waited for it goes on. */
async function onWhole(app: App, upload: UploadRow): Promise<D1PreparedStatement[]> {
  const { account_id, id, send } = upload;
  const db = databaseOf(app, id);
  const now = app.clock.stored();
  const awaited = [{ account_id, media_id: id }];
  const resumed = [awaiting.hurry(db, now, awaited), awaiting.resume(db, now, awaited)];
  if (send === "later") return resumed;
  return [...(await sending(app, upload, 1)), ...resumed];
}

const intakeOf = (app: App, id: string): Intake => ({
  db: databaseOf(app, id),
  bucket: app.env.MEDIA,
  stored: () => app.clock.stored(),
  log: app.log,
  onWhole: (upload) => onWhole(app, upload),
});

export function databaseOf(app: App, id: string): D1Database {
  const db = shard(app.databases, id);
  if (!db) throw new Problem("not_found");
  return db;
}
