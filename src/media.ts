import { z } from "zod";
import { laneOf } from "#core/jobs/define";
import { accountId } from "#core/jobs/kinds/account-id";
import { mediaUpload } from "#core/jobs/kinds/media-upload";
import { isId } from "#core/lib/ids";
import { removeObjects } from "#core/media/objects";
import * as awaiting from "#core/store/awaiting";
import * as chunks from "#core/store/chunks";
import * as jobSteps from "#core/store/job-steps";
import * as bindings from "#core/store/media-bindings";
import type { BoundRow } from "#core/store/media-bindings";
import { first } from "#core/store/sql";
import * as uploads from "#core/store/uploads";
import type { UploadRow } from "#core/store/uploads";
import type { App } from "./app.ts";
import { clientOf, mayUse, type Caller } from "./auth.ts";
import { everywhere, pageFields, pageFrom, pageOf } from "./lists.ts";
import { mediaSchema, mediaView, type MediaView } from "#core/media/view";
import { defineRoute } from "./route.ts";
import { tellAll } from "./tell-all.ts";
import { databaseOf, findUpload } from "./take-upload.ts";

const mediaId = z.strictObject({ id: z.string().refine((text) => isId("med", text)) });

/** GET /v1/media/{id} */
export const getMedium = defineRoute({
  method: "GET",
  path: "/v1/media/{id}",
  summary: "Read a medium: how far it has come from its client to us, and from us to X",
  scope: "media:write",
  params: mediaId,
  query: z.strictObject({
    account_id: accountId
      .optional()
      .describe("Another account that sends it to X than the one it was uploaded for."),
  }),
  answers: { 200: { description: "The medium.", schema: mediaSchema } },
  async handle({ app, caller, params, query }) {
    const upload = await findUpload(app, caller, params.id);
    return Response.json(await showMedium(app, caller, upload, query.account_id));
  },
});

/** A medium as it stands for an account: its own, if no other is named. */
export async function showMedium(
  app: App,
  caller: Caller,
  upload: UploadRow,
  accountId = upload.account_id,
): Promise<MediaView> {
  const db = databaseOf(app, accountId);
  const wanted = [{ account_id: accountId, media_id: upload.id }];
  const bound = mayUse(caller, accountId) ? await first<BoundRow>(bindings.find(db, wanted)) : null;
  const isOurs = bound?.client_id === upload.client_id;
  return { ...mediaView(upload, isOurs ? bound : null, app.clock.now()), account_id: accountId };
}

/** GET /v1/media: the client's media, the newest first, over all databases. */
export const listMedia = defineRoute({
  method: "GET",
  path: "/v1/media",
  summary: "List media, the newest first",
  scope: "media:write",
  query: z.strictObject(pageFields("med")),
  answers: { 200: { description: "A page of media.", schema: pageOf(mediaSchema) } },
  async handle({ app, caller, query }) {
    const { limit, cursor = "med_~" } = query;
    const parts = await everywhere<UploadRow>(app, (db) =>
      uploads.list(db, clientOf(caller), cursor, caller.account_ids, limit + 1),
    );
    const { rows, has_more, next_cursor } = pageFrom(parts, limit, "newest");
    const data = await Promise.all(rows.map((upload) => showMedium(app, caller, upload)));
    return Response.json({ data, has_more, next_cursor });
  },
});

/** DELETE /v1/media/{id} */
export const deleteMedium = defineRoute({
  method: "DELETE",
  path: "/v1/media/{id}",
  summary: "Delete a medium and its bytes; what X has of it stays there",
  scope: "media:write",
  params: mediaId,
  answers: { 204: { description: "Deleted.", schema: null } },
  async handle({ app, caller, params }) {
    await removeMedium(app, await findUpload(app, caller, params.id));
    return new Response(null, { status: 204 });
  },
});

/**
 * Delete a medium: first nobody can add to it or send it, then its bytes go, then what is known of it, and jobs that waited
 * for it hear so. Repeatable.
 */
export async function removeMedium(app: App, { client_id, account_id, id }: UploadRow): Promise<void> {
  const db = databaseOf(app, id);
  const now = app.clock.stored();
  const lane = laneOf(mediaUpload, account_id, { account_id, media_id: id });
  const awaited = [{ account_id, media_id: id }];
  await db.batch([
    uploads.drop(db, now, client_id, id),
    jobSteps.requestCancelLane(db, client_id, lane),
    jobSteps.cancelLane(db, now, client_id, lane, MOST_JOBS),
  ]);
  app.later(tellAll(app, client_id));
  await removeObjects(app.env.MEDIA, id);
  await db.batch([
    chunks.remove(db, id),
    uploads.remove(db, client_id, id),
    bindings.remove(db, client_id, id, [account_id]),
    awaiting.hurry(db, now, awaited),
    awaiting.resume(db, now, awaited),
  ]);
}

/** A medium has few jobs: each sends it once. */
const MOST_JOBS = 100;
