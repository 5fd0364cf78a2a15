import { z } from "zod";
import { isId, newId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as clients from "#core/store/clients";
import type { ClientRow } from "#core/store/clients";
import { chooseShard, shard } from "#core/store/shard";
import { audit } from "./audit.ts";
import { everywhere, pageFields, pageFrom, pageOf } from "./lists.ts";
import { findClient } from "./managed-client.ts";
import { defineRoute } from "./route.ts";

const name = z.string().min(1).max(200);

const returnUrls = z
  .array(
    z
      .url({ protocol: /^https?$/ })
      .max(2000)
      .refine((text) => !text.includes("#"), "Must have no fragment"),
  )
  .max(20);

const clientSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  return_urls: z.array(z.string()),
  created_at: z.iso.datetime(),
});

const clientId = z.strictObject({ id: z.string().refine((text) => isId("cli", text)) });

/** POST /v1/clients: a new tenant. */
export const postClient = defineRoute({
  method: "POST",
  path: "/v1/clients",
  summary: "Make a client",
  scope: "admin",
  body: z.strictObject({ name, return_urls: returnUrls.default([]) }),
  answers: { 201: { description: "The client.", schema: clientSchema } },
  async handle({ app, caller, body }) {
    if (caller.client_id !== null)
      throw new Problem("insufficient_scope", { detail: "Only the admin key makes clients" });
    const now = app.clock.now();
    const id = newId("cli", chooseShard(app.databases, body.name + String(now)), now);
    const db = shard(app.databases, id);
    if (!db) throw new Problem("unavailable");
    const row = { id, name: body.name, return_urls: JSON.stringify(body.return_urls), created_at: now };
    const change = { client_id: id, action: "client.created", subject: id, detail: body } as const;
    await db.batch([clients.insert(db, row), audit(db, caller, change, now)]);
    return Response.json(showClient(row), { status: 201, headers: { location: `/v1/clients/${id}` } });
  },
});

/** GET /v1/clients: in the order of their making, over all databases. A client's own key sees that client. */
export const listClients = defineRoute({
  method: "GET",
  path: "/v1/clients",
  summary: "List clients",
  scope: "admin",
  query: z.strictObject(pageFields("cli")),
  answers: { 200: { description: "A page of clients.", schema: pageOf(clientSchema) } },
  async handle({ app, caller, query: { limit, cursor = "" } }) {
    const parts = await everywhere<ClientRow>(app, (db) =>
      clients.list(db, cursor, limit + 1, caller.client_id),
    );
    const { rows, ...more } = pageFrom(parts, limit, "oldest");
    return Response.json({ data: rows.map(showClient), ...more });
  },
});

/** GET /v1/clients/{id} */
export const getClient = defineRoute({
  method: "GET",
  path: "/v1/clients/{id}",
  summary: "Read a client",
  scope: "admin",
  params: clientId,
  answers: { 200: { description: "The client.", schema: clientSchema } },
  handle: async ({ app, caller, params }) =>
    Response.json(showClient((await findClient(app, caller, params.id)).client)),
});

/** PATCH /v1/clients/{id}: what is left out stays as it is. */
export const patchClient = defineRoute({
  method: "PATCH",
  path: "/v1/clients/{id}",
  summary: "Change a client's name or return URLs",
  scope: "admin",
  params: clientId,
  body: z.strictObject({ name: name.optional(), return_urls: returnUrls.optional() }),
  answers: { 200: { description: "The client as it is now.", schema: clientSchema } },
  async handle({ app, caller, params: { id }, body }) {
    const { db } = await findClient(app, caller, id);
    const return_urls = body.return_urls ? JSON.stringify(body.return_urls) : null;
    const change = { client_id: id, action: "client.changed", subject: id, detail: body } as const;
    await db.batch([
      clients.change(db, id, { name: body.name ?? null, return_urls }),
      audit(db, caller, change, app.clock.now()),
    ]);
    return Response.json(showClient((await findClient(app, caller, id)).client));
  },
});

const showClient = ({ id, name, return_urls, created_at }: ClientRow): z.output<typeof clientSchema> => ({
  id,
  name,
  return_urls: JSON.parse(return_urls) as string[],
  created_at: new Date(created_at).toISOString(),
});
