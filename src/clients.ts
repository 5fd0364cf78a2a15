import { z } from "zod";
import { isId, newId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as apiKeys from "#core/store/api-keys";
import * as clients from "#core/store/clients";
import { chooseShard, shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import { createKey, scopes } from "./auth.ts";
import { defineRoute } from "./route.ts";

const returnUrl = z
  .url({ protocol: /^https?$/ })
  .max(2000)
  .refine((text) => !text.includes("#"), "Must have no fragment");

const clientSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  return_urls: z.array(z.string()),
  created_at: z.iso.datetime(),
});

/** POST /v1/clients: a new tenant. */
export const postClient = defineRoute({
  method: "POST",
  path: "/v1/clients",
  summary: "Make a client",
  scope: "admin",
  body: z.strictObject({
    name: z.string().min(1).max(200),
    return_urls: z.array(returnUrl).max(20).default([]),
  }),
  answers: { 201: { description: "The client.", schema: clientSchema } },
  async handle({ app, body }) {
    const now = app.clock.now();
    const id = newId("cli", chooseShard(app.databases, body.name + String(now)), now);
    const db = shard(app.databases, id);
    if (!db) throw new Problem("unavailable");
    const row = { id, name: body.name, return_urls: JSON.stringify(body.return_urls), created_at: now };
    await clients.insert(db, row).run();
    return Response.json(
      { id, name: body.name, return_urls: body.return_urls, created_at: new Date(now).toISOString() },
      { status: 201 },
    );
  },
});

const keySchema = z.strictObject({
  id: z.string(),
  client_id: z.string(),
  key: z.string().describe("Shown here and never again."),
  scopes: z.array(z.enum(scopes)),
  account_ids: z.array(z.string()).nullable(),
  expires_at: z.iso.datetime().nullable(),
  created_at: z.iso.datetime(),
});

/** POST /v1/keys: a new API key of a client. */
export const postKey = defineRoute({
  method: "POST",
  path: "/v1/keys",
  summary: "Make an API key",
  scope: "admin",
  body: z.strictObject({
    client_id: z.string().refine((text) => isId("cli", text), "Not a client id (cli_…)"),
    scopes: z.array(z.enum(scopes)).min(1),
    account_ids: z
      .array(z.string().refine((text) => isId("acc", text), "Not an account id (acc_…)"))
      .max(1000)
      .optional(),
    expires_at: z.iso.datetime({ offset: true }).optional(),
  }),
  answers: { 201: { description: "The key.", schema: keySchema } },
  async handle({ app, body }) {
    const db = shard(app.databases, body.client_id);
    if (!db || !(await first(clients.find(db, body.client_id))))
      throw new Problem("invalid", {
        errors: [{ pointer: "/client_id", code: "not_found", detail: "No such client" }],
      });
    const now = app.clock.now();
    const expires_at = body.expires_at === undefined ? null : Date.parse(body.expires_at);
    if (expires_at !== null && expires_at <= now)
      throw new Problem("invalid", {
        errors: [{ pointer: "/expires_at", code: "too_early", detail: "Must be later than now" }],
      });
    const { id, key, hash } = await createKey(body.client_id, now);
    const shown = {
      id,
      client_id: body.client_id,
      scopes: body.scopes,
      account_ids: body.account_ids ?? null,
    };
    await apiKeys
      .insert(db, {
        ...shown,
        hash,
        scopes: JSON.stringify(body.scopes),
        account_ids: body.account_ids ? JSON.stringify(body.account_ids) : null,
        expires_at,
        created_at: now,
      })
      .run();
    return Response.json(
      {
        ...shown,
        key,
        expires_at: expires_at === null ? null : new Date(expires_at).toISOString(),
        created_at: new Date(now).toISOString(),
      },
      { status: 201, headers: { "cache-control": "no-store" } },
    );
  },
});
