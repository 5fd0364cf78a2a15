import { z } from "zod";
import { beginConnect, DEFAULT_SCOPES, type Connecting } from "#core/accounts/connect";
import { showAccount } from "#core/accounts/view";
import { isId } from "#core/lib/ids";
import { reasonOf } from "#core/lib/log";
import { Problem } from "#core/lib/problem";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import * as clients from "#core/store/clients";
import type { ClientRow } from "#core/store/clients";
import { shard, shards } from "#core/store/shard";
import { all, first } from "#core/store/sql";
import type { App } from "./app.ts";
import { clientOf, mayUse } from "./auth.ts";
import { pageOf } from "./list-jobs.ts";
import { metadata } from "./order.ts";
import { defineRoute } from "./route.ts";

const accountSchema = z.strictObject({
  id: z.string(),
  x_user_id: z.string(),
  username: z.string(),
  name: z.string(),
  app_id: z.string(),
  scopes: z.array(z.string()),
  state: z.enum(["connected", "reconnect_required", "disconnected"]),
  token_expires_at: z.iso.datetime().nullable(),
  metadata: z.unknown(),
  created_at: z.iso.datetime(),
});

/** Without these X does not say whose account it is. */
const NEEDED_SCOPES = ["tweet.read", "users.read"];
const X_SCOPE = /^[a-z]+(\.[a-z]+)+$/;

/** POST /v1/accounts/connect: where to send a user who wants to connect an X account. */
export const connectAccount = defineRoute({
  method: "POST",
  path: "/v1/accounts/connect",
  summary: "Begin to connect an X account",
  scope: "accounts:write",
  body: z.strictObject({
    return_url: z.url().describe("One of the client's registered return URLs, exactly."),
    scopes: z
      .array(z.string().regex(X_SCOPE))
      .min(1)
      .max(30)
      .refine(
        (scopes) => NEEDED_SCOPES.every((scope) => scopes.includes(scope)),
        `Must have ${NEEDED_SCOPES.join(" and ")}`,
      )
      .optional(),
    metadata: metadata.optional(),
  }),
  answers: {
    200: { description: "Send the user there.", schema: z.strictObject({ authorize_url: z.string() }) },
  },
  async handle({ app, caller, request, body }) {
    const clientId = clientOf(caller);
    const db = shard(app.databases, clientId);
    const client = db && (await first<ClientRow>(clients.find(db, clientId)));
    const registered = JSON.parse(client?.return_urls ?? "[]") as string[];
    if (!registered.includes(body.return_url))
      throw new Problem("invalid", {
        errors: [
          { pointer: "/return_url", code: "not_registered", detail: "Not one of the client's return URLs" },
        ],
      });
    const authorize_url = await beginConnect(await connectingOf(app, request), {
      client_id: clientId,
      return_url: body.return_url,
      scopes: body.scopes ?? DEFAULT_SCOPES,
      metadata: body.metadata === undefined ? null : JSON.stringify(body.metadata),
      actor: caller.key_id,
    });
    return Response.json({ authorize_url });
  },
});

/** What connecting runs on. Throws 503 while the installation has no X app or token key. */
export async function connectingOf(app: App, request: Request): Promise<Connecting> {
  const { env } = app;
  if (!env.X_CLIENT_ID) throw new Problem("unavailable", { detail: "X_CLIENT_ID is not set" });
  const ring = await app.ring().catch((error: unknown) => {
    throw new Problem("unavailable", { detail: reasonOf(error) });
  });
  return {
    databases: app.databases,
    kv: env.TOKENS,
    ring,
    clock: app.clock,
    random: app.random,
    network: app.network,
    x_url: env.X_API_URL,
    x_authorize_url: env.X_AUTHORIZE_URL,
    x_client_id: env.X_CLIENT_ID,
    x_client_secret: env.X_CLIENT_SECRET === "" ? null : (env.X_CLIENT_SECRET ?? null),
    redirect_uri: `${env.PUBLIC_URL.replace(/\/$/, "") || new URL(request.url).origin}/oauth/callback`,
  };
}

/** GET /v1/accounts/{id} */
export const getAccount = defineRoute({
  method: "GET",
  path: "/v1/accounts/{id}",
  summary: "Read a connected account",
  scope: "accounts:read",
  params: z.strictObject({ id: z.string().refine((text) => isId("acc", text)) }),
  answers: { 200: { description: "The account.", schema: accountSchema } },
  async handle({ app, caller, params }) {
    const db = shard(app.databases, params.id);
    const row = db && (await first<AccountRow>(accounts.find(db, params.id)));
    if (row?.client_id !== clientOf(caller) || !mayUse(caller, params.id))
      throw new Problem("not_found", { detail: "No such account" });
    return Response.json(showAccount(row));
  },
});

/** GET /v1/accounts: the client's accounts, in the order they were connected, over all databases. */
export const listAccounts = defineRoute({
  method: "GET",
  path: "/v1/accounts",
  summary: "List connected accounts",
  scope: "accounts:read",
  query: z.strictObject({
    limit: z.coerce.number().int().min(1).max(100).default(20),
    cursor: z
      .string()
      .refine((text) => isId("acc", text), "Not a cursor of this list")
      .optional(),
  }),
  answers: { 200: { description: "A page of accounts.", schema: pageOf(accountSchema) } },
  async handle({ app, caller, query }) {
    const clientId = clientOf(caller);
    const found = await Promise.all(
      shards(app.databases).map(async (name) => {
        const db = shard(app.databases, name);
        return db ? all<AccountRow>(accounts.list(db, clientId, query.cursor ?? "", query.limit + 1)) : [];
      }),
    );
    const rows = found.flat().sort((a, b) => (a.id < b.id ? -1 : 1));
    const page = rows.slice(0, query.limit);
    const has_more = rows.length > query.limit;
    return Response.json({
      data: page.filter(({ id }) => mayUse(caller, id)).map(showAccount),
      has_more,
      next_cursor: has_more ? (page.at(-1)?.id ?? null) : null,
    });
  },
});
