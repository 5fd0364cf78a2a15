import { z } from "zod";
import { sha256 } from "#core/lib/bytes";
import { Problem } from "#core/lib/problem";
import { publicUrl, URL_LENGTH } from "#core/lib/public-url";
import { mediaFields, newMediumId, type MediaFields } from "#core/media/begin";
import { typeNamed } from "#core/media/formats";
import { beginsWith } from "#core/media/objects";
import type { UploadRow } from "#core/store/uploads";
import { claimId } from "./accept.ts";
import type { App } from "./app.ts";
import { clientOf, type Caller } from "./auth.ts";
import { readJson } from "./body.ts";
import { showMedium } from "./media.ts";
import { mediaSchema } from "#core/media/view";
import { defineRoute, type Call } from "./route.ts";
import {
  askFor,
  begin,
  checkOpen,
  databaseOf,
  findUpload,
  readFields,
  sourceOf,
  take,
  takeOver,
} from "./take-upload.ts";
import { capOf, lengthOf } from "./tus.ts";
import { fieldErrors } from "./validate.ts";

/** More than this goes to /v1/uploads, which can be resumed. */
const WHOLE_BYTES = 32 * 1024 * 1024;

const query = z.strictObject(mediaFields.omit({ filetype: true, type: true, name: true }).shape).partial();

/** POST /v1/media: a small file in one request, or in JSON where to fetch a file of any size. */
export const postMedium = defineRoute({
  method: "POST",
  path: "/v1/media",
  summary: "Upload a file of up to 32 MiB in one request",
  scope: "media:write",
  query,
  answers: { 202: { description: "The medium, taken.", schema: mediaSchema } },
  async handle(call) {
    const { app, caller, request, query } = call;
    if (isJson(request)) return fetched(call);
    const filetype = typeNamed(request.headers.get("content-type"));
    const limit = capOf(request, app.env, WHOLE_BYTES);
    const size_bytes = lengthOf(request);
    if (size_bytes === null || size_bytes === 0) throw lengthNeeded();
    const fields = readFields(caller, { ...query, ...(filetype !== null && { filetype }) });
    const claimed = await claim(call, fields, [filetype, size_bytes]);
    const upload = await begin(app, caller, fields, { id: claimed.id, size_bytes, taking: true });
    const { writer } = upload;
    if (claimed.replayed) await goOn(app, upload, request, { limit, length: size_bytes });
    else if (writer !== null) await take(app, { ...upload, writer }, request, { limit, length: size_bytes });
    return taken(app, caller, claimed);
  },
});

type Posting = Pick<Call<unknown, unknown, unknown>, "app" | "caller" | "request" | "body_hash">;
type Claimed = { id: string; replayed: boolean };

/** The id of the medium that a request makes. `said` is what its key is bound to, besides its parameters. */
async function claim(call: Posting, { account_id }: MediaFields, said: unknown): Promise<Claimed> {
  const { app, request } = call;
  const body_hash = await sha256(JSON.stringify([call.body_hash, said]));
  const fresh = newMediumId(account_id, app.clock.now());
  return claimId({ app, request, body_hash }, clientOf(call.caller), fresh);
}

async function taken(app: App, caller: Caller, { id, replayed }: Claimed): Promise<Response> {
  const medium = await showMedium(app, caller, await findUpload(app, caller, id));
  const headers = { location: `/v1/media/${id}`, ...(replayed && { "idempotent-replayed": "true" }) };
  return Response.json(medium, { status: 202, headers });
}

/**
 * The same file came again with the same key: what is there of it must be the same bytes, and the rest is taken now. A request
 * that still sends it is told off.
 */
async function goOn(
  app: App,
  found: UploadRow,
  request: Request,
  { limit, length }: { limit: number; length: number },
): Promise<void> {
  checkOpen(app, found);
  const taking = found.state === "receiving" ? await takeOver(app, found) : null;
  const upload = taking ?? found;
  const source = sourceOf(request);
  const parts = { bucket: app.env.MEDIA, db: databaseOf(app, upload.id) };
  if (upload.cleared_at === null && source && !(await beginsWith(parts, upload, source)))
    throw new Problem("idempotency_mismatch");
  const left = length - upload.bytes_received;
  if (taking && left > 0) await take(app, taking, request, { limit, length: left, source });
}

const isJson = ({ headers }: Request): boolean =>
  headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() === "application/json";

const fromSource = z.strictObject({
  ...mediaFields.omit({ filetype: true, type: true, name: true }).shape,
  source_url: z
    .string()
    .max(URL_LENGTH)
    .describe("Where the file stands: https, with ranges if it has more than 8 MiB."),
});

/** A file that we fetch ourselves. */
async function fetched(call: Posting): Promise<Response> {
  const { app, caller, request } = call;
  const { value, text } = await readJson(request);
  const read = fromSource.safeParse(value);
  if (!read.success) throw new Problem("invalid", { errors: fieldErrors(read.error) });
  const { source_url, ...given } = read.data;
  const address = publicUrl(source_url, { allowLocal: app.env.ALLOW_LOCAL_SOURCES === "1" });
  if ("refused" in address)
    throw new Problem("invalid", {
      errors: [{ pointer: "/source_url", code: "refused", detail: address.refused }],
    });
  const fields = readFields(caller, given);
  const claimed = await claim(call, fields, text);
  const source = { id: claimed.id, size_bytes: null, source_url, taking: false };
  await askFor(app, await begin(app, caller, fields, source));
  return taken(app, caller, claimed);
}

const lengthNeeded = (): Problem =>
  new Problem("unknown_parameter", {
    errors: [{ pointer: "Content-Length", code: "required", detail: "The length of the file, at least 1" }],
  });
