import { z } from "zod";
import { capClient } from "#core/jobs/caps";
import { wake } from "#core/jobs/wake";
import { isId, newId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as clients from "#core/store/clients";
import type { ClientRow } from "#core/store/clients";
import { chooseShard, shard } from "#core/store/shard";
import { OVERLAP_MS, secretPlace } from "#core/webhooks/secrets";
import { makeSecret } from "#core/webhooks/sign";
import { audit } from "./audit.ts";
import { everywhere, pageFields, pageFrom, pageOf } from "./lists.ts";
import { findClient } from "./managed-client.ts";
import { defineRoute } from "./route.ts";
import { webhookRingOf } from "./webhook-ring.ts";

const WAKE_LIMIT_MS = 2_000;

const name = z.string().min(1).max(200);

const returnUrls = z
  .array(
    z
      .url({ protocol: /^https?$/ })
      .max(2000)
      .refine((text) => !text.includes("#"), "Must have no fragment"),
  )
  .max(20);

/** What a client or an account may cost in a day. */
export const dailyCap = z
  .int()
  .min(0)
  .max(1_000_000_000_000)
  .nullable()
  .describe("What X may bill for it in a day (UTC), in micro-USD; null: as much as it likes.");

const clientSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  return_urls: z.array(z.string()),
  daily_cap_micro_usd: dailyCap,
  created_at: z.iso.datetime(),
});

const webhook_secret = z.string().describe("Shown in this answer alone.");

const clientId = z.strictObject({ id: z.string().refine((text) => isId("cli", text)) });

/** POST /v1/clients: a new tenant. */
export const postClient = defineRoute({
  method: "POST",
  path: "/v1/clients",
  summary: "Make a client",
  scope: "admin",
  body: z.strictObject({
    name,
    return_urls: returnUrls.default([]),
    daily_cap_micro_usd: dailyCap.optional(),
  }),
  example: { name: "Acme", return_urls: ["https://app.example/connected"] },
  answers: {
    201: {
      description: "The client, with the secret that signs what its callback URLs are sent.",
      schema: clientSchema.extend({ webhook_secret }),
    },
  },
  async handle({ app, caller, body }) {
    if (caller.client_id !== null)
      throw new Problem("insufficient_scope", { detail: "Only the admin key makes clients" });
    const now = app.clock.now();
    const id = newId("cli", chooseShard(app.databases, body.name + String(now)), now);
    const db = shard(app.databases, id);
    if (!db) throw new Problem("unavailable");
    const webhook_secret = makeSecret();
    const row = {
      id,
      name: body.name,
      return_urls: JSON.stringify(body.return_urls),
      created_at: now,
      webhook_secret: await (await webhookRingOf(app)).seal(webhook_secret, secretPlace(id)),
      daily_cap: body.daily_cap_micro_usd ?? null,
    };
    const change = { client_id: id, action: "client.created", subject: id, detail: body } as const;
    await capClient(app, id, row.daily_cap, [clients.insert(db, row), audit(db, caller, change, now)]);
    return Response.json(
      { ...showClient(row), webhook_secret },
      { status: 201, headers: { location: `/v1/clients/${id}` } },
    );
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
  summary: "Change a client's name, return URLs or daily cap",
  scope: "admin",
  params: clientId,
  body: z.strictObject({
    name: name.optional(),
    return_urls: returnUrls.optional(),
    daily_cap_micro_usd: dailyCap.optional(),
  }),
  example: { name: "Acme and sons" },
  answers: { 200: { description: "The client as it is now.", schema: clientSchema } },
  async handle({ app, caller, params: { id }, body }) {
    const { db } = await findClient(app, caller, id);
    const return_urls = body.return_urls ? JSON.stringify(body.return_urls) : null;
    const change = { client_id: id, action: "client.changed", subject: id, detail: body } as const;
    const { daily_cap_micro_usd: daily_cap } = body;
    const statements = [
      clients.change(db, id, { name: body.name ?? null, return_urls, daily_cap }),
      audit(db, caller, change, app.clock.now()),
    ];
    if (daily_cap === undefined) await db.batch(statements);
    else app.later(wake(app, await capClient(app, id, daily_cap, statements), WAKE_LIMIT_MS));
    return Response.json(showClient((await findClient(app, caller, id)).client));
  },
});

/** POST /v1/clients/{id}/rotate-webhook-secret */
export const rotateClientSecret = defineRoute({
  method: "POST",
  path: "/v1/clients/{id}/rotate-webhook-secret",
  summary: "Replace the secret that signs callbacks; the old one signs too for 24 hours",
  scope: "admin",
  params: clientId,
  answers: {
    200: {
      description: "The new secret.",
      schema: z.strictObject({ id: z.string(), webhook_secret, old_secret_until: z.iso.datetime() }),
    },
  },
  async handle({ app, caller, params: { id } }) {
    const { db, client } = await findClient(app, caller, id);
    const secret = makeSecret();
    const sealed = await (await webhookRingOf(app)).seal(secret, secretPlace(id));
    const now = app.clock.now();
    const until = now + OVERLAP_MS;
    const change = { client_id: id, action: "client.webhook_secret_rotated", subject: id } as const;
    await db.batch([clients.rotateSecret(db, client, sealed, until), audit(db, caller, change, now)]);
    if ((await findClient(app, caller, id)).client.webhook_secret !== sealed)
      throw new Problem("unavailable", { detail: "It was replaced by somebody else just now" });
    return Response.json({ id, webhook_secret: secret, old_secret_until: new Date(until).toISOString() });
  },
});

type Shown = Pick<ClientRow, "id" | "name" | "return_urls" | "daily_cap" | "created_at">;

const showClient = ({
  id,
  name,
  return_urls,
  daily_cap,
  created_at,
}: Shown): z.output<typeof clientSchema> => ({
  id,
  name,
  return_urls: JSON.parse(return_urls) as string[],
  daily_cap_micro_usd: daily_cap,
  created_at: new Date(created_at).toISOString(),
});
