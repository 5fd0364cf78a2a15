import { z } from "zod";
import { appPlace } from "#core/accounts/apps";
import { isId, newId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as accounts from "#core/store/accounts";
import * as apps from "#core/store/apps";
import type { AppRow } from "#core/store/apps";
import { shard, shards } from "#core/store/shard";
import { all, first } from "#core/store/sql";
import type { App } from "./app.ts";
import { audit } from "./audit.ts";
import { clientOf, type Caller } from "./auth.ts";
import { redirectUri, ringOf } from "./connect.ts";
import { pageOf } from "./list-jobs.ts";
import { defineRoute } from "./route.ts";

// The X apps that a client brought. The installation's own, which all clients may use, stands in its secrets and not here.

const appSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  x_client_id: z.string(),
  type: z.enum(["public", "confidential"]),
  redirect_uri: z.string().describe("To be registered at X, exactly."),
  created_at: z.iso.datetime(),
});

/** A trailing newline, as files have, is answered by X with `unauthorized_client`. */
const credential = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .regex(/^[!-~]*$/, "Must be visible ASCII");
const name = z.string().max(200);
const secret = credential.nullable();
const appId = z.strictObject({ id: z.string().refine((text) => isId("app", text)) });

/** POST /v1/apps: bring an X app. */
export const postApp = defineRoute({
  method: "POST",
  path: "/v1/apps",
  summary: "Bring an X app of your own",
  scope: "accounts:write",
  body: z.strictObject({
    name: name.default(""),
    x_client_id: credential,
    x_client_secret: secret.default(null).describe("Left out or null: a public app. Never shown again."),
  }),
  example: { name: "Campaigns", x_client_id: "bXktY2xpZW50OjE6Y2k" },
  answers: { 201: { description: "The app.", schema: appSchema } },
  async handle({ app, caller, request, body }) {
    const { clientId, db } = homeOf(app, caller);
    const now = app.clock.now();
    const id = newId("app", clientId.slice(-1), now);
    const row: AppRow = {
      id,
      client_id: clientId,
      name: body.name,
      x_client_id: body.x_client_id,
      secret: await sealed(app, id, body.x_client_secret),
      created_at: now,
    };
    const change = { client_id: clientId, action: "app.created" as const, subject: id };
    await db.batch([apps.insert(db, row), audit(db, caller, { ...change, detail: factsOf(row) }, now)]);
    return Response.json(show(app, request, row), { status: 201, headers: { location: `/v1/apps/${id}` } });
  },
});

/** GET /v1/apps: the client's own apps, in the order they were brought. */
export const listApps = defineRoute({
  method: "GET",
  path: "/v1/apps",
  summary: "List your X apps",
  scope: "accounts:read",
  query: z.strictObject({
    limit: z.coerce.number().int().min(1).max(100).default(20),
    cursor: z
      .string()
      .refine((text) => isId("app", text), "Not a cursor of this list")
      .optional(),
  }),
  answers: { 200: { description: "A page of apps.", schema: pageOf(appSchema) } },
  async handle({ app, caller, request, query }) {
    const { clientId, db } = homeOf(app, caller);
    const rows = await all<AppRow>(apps.list(db, clientId, query.cursor ?? "", query.limit + 1));
    const page = rows.slice(0, query.limit);
    const has_more = rows.length > query.limit;
    return Response.json({
      data: page.map((row) => show(app, request, row)),
      has_more,
      next_cursor: has_more ? (page.at(-1)?.id ?? null) : null,
    });
  },
});

/** GET /v1/apps/{id} */
export const getApp = defineRoute({
  method: "GET",
  path: "/v1/apps/{id}",
  summary: "Read an X app",
  scope: "accounts:read",
  params: appId,
  answers: { 200: { description: "The app.", schema: appSchema } },
  async handle({ app, caller, request, params }) {
    return Response.json(show(app, request, await findApp(app, caller, params.id)));
  },
});

/** PATCH /v1/apps/{id}: another name, or a secret that was made anew at X. */
export const patchApp = defineRoute({
  method: "PATCH",
  path: "/v1/apps/{id}",
  summary: "Change an X app's name or secret",
  scope: "accounts:write",
  params: appId,
  body: z.strictObject({
    name: name.optional(),
    x_client_secret: secret.optional().describe("null: it is a public app now."),
  }),
  example: { name: "Campaigns of autumn" },
  answers: { 200: { description: "The app as it is now.", schema: appSchema } },
  async handle({ app, caller, request, params, body }) {
    const { clientId, db } = homeOf(app, caller);
    const { id } = await findApp(app, caller, params.id);
    const { x_client_secret } = body;
    const secret = x_client_secret === undefined ? undefined : await sealed(app, id, x_client_secret);
    const change = { client_id: clientId, action: "app.changed" as const, subject: id };
    await db.batch([
      apps.change(db, id, { name: body.name, secret }),
      audit(db, caller, { ...change, detail: { fields: Object.keys(body) } }, app.clock.now()),
    ]);
    return Response.json(show(app, request, await findApp(app, caller, id)));
  },
});

/** DELETE /v1/apps/{id}, once nothing goes through it any more. */
export const deleteApp = defineRoute({
  method: "DELETE",
  path: "/v1/apps/{id}",
  summary: "Forget an X app that no account uses",
  scope: "accounts:write",
  params: appId,
  answers: { 204: { description: "It is gone.", schema: null } },
  async handle({ app, caller, params }) {
    const { clientId, db } = homeOf(app, caller);
    const row = await findApp(app, caller, params.id);
    const used = await Promise.all(
      shards(app.databases).map(async (character) => {
        const other = shard(app.databases, character);
        return other && first<{ id: string }>(accounts.findByApp(other, clientId, row.id));
      }),
    );
    const user = used.find((one) => one !== null);
    if (user)
      throw new Problem("app_in_use", { detail: `Disconnect its accounts first, such as ${user.id}` });
    const change = {
      client_id: clientId,
      action: "app.deleted" as const,
      subject: row.id,
      detail: factsOf(row),
    };
    await db.batch([apps.remove(db, row.id), audit(db, caller, change, app.clock.now())]);
    return new Response(null, { status: 204 });
  },
});

/** The client and its database, where its apps stand. A key for some accounts alone has no say in apps. */
function homeOf(app: App, caller: Caller): { clientId: string; db: D1Database } {
  const clientId = clientOf(caller);
  if (caller.account_ids !== null)
    throw new Problem("insufficient_scope", { detail: "This key reaches some accounts only, and no apps" });
  const db = shard(app.databases, clientId);
  if (!db) throw new Problem("unavailable");
  return { clientId, db };
}

async function findApp(app: App, caller: Caller, id: string): Promise<AppRow> {
  const { clientId, db } = homeOf(app, caller);
  const row = await first<AppRow>(apps.find(db, id));
  if (row?.client_id !== clientId) throw new Problem("not_found", { detail: "No such app" });
  return row;
}

const sealed = async (app: App, id: string, secret: string | null): Promise<string | null> =>
  secret === null ? null : (await ringOf(app)).seal(secret, appPlace(id));

const typeOf = (row: AppRow) => (row.secret === null ? "public" : "confidential");

/** What the audit tells of an app. */
const factsOf = (row: AppRow) => ({ x_client_id: row.x_client_id, type: typeOf(row) });

const show = (app: App, request: Request, row: AppRow): z.input<typeof appSchema> => ({
  id: row.id,
  name: row.name,
  x_client_id: row.x_client_id,
  type: typeOf(row),
  redirect_uri: redirectUri(app, request),
  created_at: new Date(row.created_at).toISOString(),
});
