import { z } from "zod";
import { isId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import { MAX_BYTES } from "#core/media/formats";
import { readMetadata, writeMetadata } from "#core/media/metadata";
import type { UploadRow } from "#core/store/uploads";
import { removeMedium } from "./media.ts";
import { defineRoute } from "./route.ts";
import { begin, checkOpen, findUpload, readFields, take, takeOver } from "./take-upload.ts";
import {
  bytesIn,
  capOf,
  checksumIn,
  checkType,
  checkVersion,
  lengthOf,
  limitOf,
  tusHeaders,
  tusOptions,
  unknownHeader,
} from "./tus.ts";

const uploadId = z.strictObject({ id: z.string().refine((text) => isId("med", text)) });
const tus = { scope: "media:write", headers: tusHeaders, options: tusOptions } as const;

/** POST /v1/uploads: begin an upload, and send its first bytes along, or not (tus: creation, creation-with-upload). */
export const postUpload = defineRoute({
  ...tus,
  method: "POST",
  path: "/v1/uploads",
  summary: "Begin a resumable upload (tus 1.0.0)",
  answers: { 201: { description: "Begun.", schema: null } },
  async handle({ app, caller, request }) {
    checkVersion(request);
    const size_bytes = sizeIn(request);
    const fields = readFields(caller, readMetadata(request.headers.get("upload-metadata")));
    const checksum = checksumIn(request);
    const limit = limitOf(capOf(request, app.env), checksum);
    const taking = request.headers.has("content-type");
    if (taking) checkType(request);
    const upload = await begin(app, caller, fields, { size_bytes, taking });
    const { writer } = upload;
    const length = lengthOf(request);
    const bytes_received =
      writer === null ? 0 : await take(app, { ...upload, writer }, request, { limit, length, checksum });
    const headers = { ...standing({ ...upload, bytes_received }), location: `/v1/uploads/${upload.id}` };
    return new Response(null, { status: 201, headers });
  },
});

/** HEAD /v1/uploads/{id}: how far it has come. Whoever was sending is told off: the asker is the one who goes on. */
export const headUpload = defineRoute({
  ...tus,
  method: "HEAD",
  path: "/v1/uploads/{id}",
  summary: "Ask how far an upload has come (tus 1.0.0)",
  params: uploadId,
  answers: { 200: { description: "How far.", schema: null } },
  async handle({ app, caller, request, params }) {
    checkVersion(request);
    let upload = await findUpload(app, caller, params.id);
    checkOpen(app, upload);
    if (upload.state === "receiving") upload = await takeOver(app, upload);
    return new Response(null, {
      headers: {
        ...standing(upload),
        "upload-length": String(upload.size_bytes),
        "upload-metadata": writeMetadata(JSON.parse(upload.metadata) as Record<string, unknown>),
        "cache-control": "no-store",
      },
    });
  },
});

/** PATCH /v1/uploads/{id}: the next bytes. */
export const patchUpload = defineRoute({
  ...tus,
  method: "PATCH",
  path: "/v1/uploads/{id}",
  summary: "Send the next bytes of an upload (tus 1.0.0)",
  params: uploadId,
  answers: { 204: { description: "Taken.", schema: null } },
  async handle({ app, caller, request, params }) {
    checkVersion(request);
    checkType(request);
    const offset = bytesIn(request, "Upload-Offset");
    const checksum = checksumIn(request);
    const limit = limitOf(capOf(request, app.env), checksum);
    const found = await findUpload(app, caller, params.id);
    checkOpen(app, found);
    checkOffset(found, offset);
    if (found.state === "received") return new Response(null, { status: 204, headers: standing(found) });
    const upload = await takeOver(app, found);
    checkOffset(upload, offset);
    const bytes_received = await take(app, upload, request, { limit, length: lengthOf(request), checksum });
    return new Response(null, { status: 204, headers: standing({ ...upload, bytes_received }) });
  },
});

/** DELETE /v1/uploads/{id}: it is not wanted any more (tus: termination). */
export const deleteUpload = defineRoute({
  ...tus,
  method: "DELETE",
  path: "/v1/uploads/{id}",
  summary: "Give up an upload (tus 1.0.0)",
  params: uploadId,
  answers: { 204: { description: "Given up, its bytes deleted.", schema: null } },
  async handle({ app, caller, request, params }) {
    checkVersion(request);
    await removeMedium(app, await findUpload(app, caller, params.id));
    return new Response(null, { status: 204 });
  },
});

function sizeIn(request: Request): number {
  if (request.headers.has("upload-defer-length"))
    throw unknownHeader("Upload-Defer-Length", "The length must be known: send Upload-Length");
  // Each part would be taken for a medium of its own.
  if (request.headers.has("upload-concat"))
    throw unknownHeader("Upload-Concat", "Parts are not put together: send one upload after the other");
  const size = bytesIn(request, "Upload-Length");
  if (size > MAX_BYTES)
    throw new Problem("media_too_large", { detail: `${size} bytes; an upload may have ${MAX_BYTES}` });
  if (size > 0) return size;
  throw new Problem("invalid", {
    errors: [{ pointer: "Upload-Length", code: "too_small", detail: "A medium has at least one byte" }],
  });
}

function checkOffset({ bytes_received }: UploadRow, offset: number): void {
  if (bytes_received !== offset)
    throw new Problem("upload_conflict", {
      detail: `The upload stands at ${bytes_received}, not at ${offset}`,
    });
}

/** Where an upload stands, and until when it may go on. */
const standing = ({ bytes_received, size_bytes, expires_at }: UploadRow): Record<string, string> => ({
  "upload-offset": String(bytes_received),
  ...(bytes_received !== size_bytes && { "upload-expires": new Date(expires_at).toUTCString() }),
});
