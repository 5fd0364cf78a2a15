import { z } from "zod";
import { rfc3339 } from "#core/lib/clock";
import { isId } from "#core/lib/ids";
import { Problem, type FieldError } from "#core/lib/problem";
import * as apiKeys from "#core/store/api-keys";
import type { ApiKeyRow } from "#core/store/api-keys";
import * as clients from "#core/store/clients";
import { shard } from "#core/store/shard";
import { all, first } from "#core/store/sql";
import { accountErrors, accountIds } from "./account-ids.ts";
import type { App } from "./app.ts";
import { audit } from "./audit.ts";
import { createKey, scopes, type Caller } from "./auth.ts";
import { pageFields, pageFrom, pageOf } from "./lists.ts";
import { findClient, manages } from "./managed-client.ts";
import { defineRoute } from "./route.ts";

const ACCOUNTS_A_KEY = 1000;

const isClientId = z.string().refine((text) => isId("cli", text), "Not a client id (cli_…)");

const keyShape = {
  id: z.string(),
  client_id: z.string(),
  scopes: z.array(z.enum(scopes)),
  account_ids: z.array(z.string()).nullable(),
  expires_at: z.iso.datetime().nullable(),
  created_at: z.iso.datetime(),
};

const newKeySchema = z.strictObject({
  ...keyShape,
  key: z.string().describe("Shown here and never again."),
});

const keySchema = z.strictObject({
  ...keyShape,
  prefix: z.string().describe("How the key begins: what tells it from others, and lets nobody in."),
  last_used_at: z.iso.datetime().nullable().describe("To the hour."),
  revoked_at: z.iso.datetime().nullable(),
});

const newKey = z.strictObject({
  client_id: isClientId,
  scopes: z.array(z.enum(scopes)).min(1),
  account_ids: accountIds(ACCOUNTS_A_KEY).optional(),
  expires_at: z.iso.datetime({ offset: true }).optional(),
});

/** POST /v1/keys: a new API key of a client. */
export const postKey = defineRoute({
  method: "POST",
  path: "/v1/keys",
  summary: "Make an API key",
  scope: "admin",
  body: newKey,
  example: { client_id: "cli_01KAB3C4D5V1StGXR8Z5jd0", scopes: ["jobs:write", "jobs:read"] },
  answers: { 201: { description: "The key.", schema: newKeySchema } },
  async handle({ app, caller, body }) {
    const { client_id, account_ids = null } = body;
    const now = app.clock.now();
    const errors = await mistakesIn(app, caller, body, now);
    const db = shard(app.databases, client_id);
    if (errors.length > 0 || !db) throw new Problem("invalid", { errors });
    const { id, key, hash } = await createKey(client_id, now);
    const row = {
      id,
      client_id,
      hash,
      scopes: JSON.stringify(body.scopes),
      account_ids: account_ids && JSON.stringify(account_ids),
      expires_at: body.expires_at === undefined ? null : Date.parse(body.expires_at),
      created_at: now,
    };
    const detail = { scopes: body.scopes, account_ids, expires_at: rfc3339(row.expires_at) };
    const change = { client_id, action: "key.created", subject: id, detail } as const;
    await db.batch([apiKeys.insert(db, row), audit(db, caller, change, now)]);
    return Response.json(
      { id, client_id, ...detail, key, created_at: new Date(now).toISOString() },
      { status: 201, headers: { "cache-control": "no-store" } },
    );
  },
});

async function mistakesIn(
  app: App,
  caller: Caller,
  { client_id, scopes, account_ids, expires_at }: z.output<typeof newKey>,
  now: number,
): Promise<FieldError[]> {
  const db = manages(caller, client_id) ? shard(app.databases, client_id) : null;
  const client = db && (await first(clients.find(db, client_id)));
  const errors: FieldError[] = [];
  if (!client) errors.push({ pointer: "/client_id", code: "not_found", detail: "No such client" });
  else errors.push(...(await accountErrors(app, client_id, account_ids ?? [], caller.account_ids)));
  if (expires_at !== undefined && Date.parse(expires_at) <= now)
    errors.push({ pointer: "/expires_at", code: "too_early", detail: "Must be later than now" });
  // Such a key could make itself another one without the list.
  if (scopes.includes("admin") && account_ids)
    errors.push({
      pointer: "/account_ids",
      code: "not_allowed",
      detail: "The scope admin reaches every account",
    });
  return errors;
}

/** GET /v1/keys: a client's keys, in the order of their making, also those that live no more. */
export const listKeys = defineRoute({
  method: "GET",
  path: "/v1/keys",
  summary: "List a client's API keys",
  scope: "admin",
  query: z.strictObject({ client_id: isClientId, ...pageFields("key") }),
  answers: { 200: { description: "A page of keys.", schema: pageOf(keySchema) } },
  async handle({ app, caller, query: { client_id, limit, cursor = "" } }) {
    const { db } = await findClient(app, caller, client_id);
    const found = await all<ApiKeyRow>(apiKeys.list(db, client_id, cursor, limit + 1));
    const { rows, ...more } = pageFrom([found], limit, "oldest");
    return Response.json({ data: rows.map(showKey), ...more });
  },
});

/** DELETE /v1/keys/{id}: it, and every session it made, is refused a few seconds later at most. */
export const deleteKey = defineRoute({
  method: "DELETE",
  path: "/v1/keys/{id}",
  summary: "Revoke an API key",
  scope: "admin",
  params: z.strictObject({ id: z.string().refine((text) => isId("key", text)) }),
  answers: { 200: { description: "The key, revoked.", schema: keySchema } },
  async handle({ app, caller, params: { id } }) {
    const db = shard(app.databases, id);
    const row = db && (await first<ApiKeyRow>(apiKeys.findAny(db, id)));
    if (!db || !row || !manages(caller, row.client_id))
      throw new Problem("not_found", { detail: "No such key" });
    const change = { client_id: row.client_id, action: "key.revoked", subject: id } as const;
    const [, , revoked] = await db.batch<ApiKeyRow>([
      apiKeys.revoke(db, app.clock.stored(), id),
      audit(db, caller, change, app.clock.now()),
      apiKeys.findAny(db, id),
    ]);
    return Response.json(showKey(revoked?.results[0] ?? row));
  },
});

const showKey = (row: ApiKeyRow): z.output<typeof keySchema> => ({
  id: row.id,
  client_id: row.client_id,
  prefix: `tap_${row.id.slice("key_".length)}`,
  scopes: JSON.parse(row.scopes) as z.output<typeof keySchema>["scopes"],
  account_ids: row.account_ids === null ? null : (JSON.parse(row.account_ids) as string[]),
  expires_at: rfc3339(row.expires_at),
  last_used_at: rfc3339(row.last_used_at),
  revoked_at: rfc3339(row.revoked_at),
  created_at: new Date(row.created_at).toISOString(),
});
