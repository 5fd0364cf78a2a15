import { z } from "zod";
import { disconnect } from "#core/accounts/disconnect";
import { showAccount } from "#core/accounts/view";
import { isId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import { shard, shards } from "#core/store/shard";
import { all, first } from "#core/store/sql";
import type { App } from "./app.ts";
import { audit } from "./audit.ts";
import { actorOf, clientOf, mayUse, type Caller } from "./auth.ts";
import { appsOf, ringOf } from "./connect.ts";
import { pageOf } from "./list-jobs.ts";
import { metadata } from "./order.ts";
import { defineRoute } from "./route.ts";

const accountId = z.strictObject({ id: z.string().refine((text) => isId("acc", text)) });

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

/** GET /v1/accounts/{id} */
export const getAccount = defineRoute({
  method: "GET",
  path: "/v1/accounts/{id}",
  summary: "Read a connected account",
  scope: "accounts:read",
  params: accountId,
  answers: { 200: { description: "The account.", schema: accountSchema } },
  async handle({ app, caller, params }) {
    const { row } = await findAccount(app, caller, params.id);
    return Response.json(showAccount(row));
  },
});

/** PATCH /v1/accounts/{id}: what the client keeps with it. */
export const patchAccount = defineRoute({
  method: "PATCH",
  path: "/v1/accounts/{id}",
  summary: "Change an account's metadata",
  scope: "accounts:write",
  params: accountId,
  body: z.strictObject({ metadata: metadata.nullable() }),
  answers: { 200: { description: "The account as it is now.", schema: accountSchema } },
  async handle({ app, caller, params, body }) {
    const { db, row } = await findAccount(app, caller, params.id);
    const now = app.clock.now();
    const change = { client_id: row.client_id, action: "account.changed" as const, subject: row.id };
    const given = body.metadata === null ? null : JSON.stringify(body.metadata);
    await db.batch([
      accounts.setMetadata(db, row.id, given, now),
      audit(db, caller, { ...change, detail: { fields: ["metadata"] } }, now),
    ]);
    return Response.json(showAccount({ ...row, metadata: given }));
  },
});

/** DELETE /v1/accounts/{id}: its tokens go, here and at X; its jobs and what became of them stay. */
export const deleteAccount = defineRoute({
  method: "DELETE",
  path: "/v1/accounts/{id}",
  summary: "Disconnect an account",
  scope: "accounts:write",
  params: accountId,
  query: z.strictObject({
    jobs: z
      .enum(["cancel", "hold"])
      .default("hold")
      .describe("`hold`: what waits runs after the same X user was connected again, if it has not expired."),
  }),
  answers: {
    200: {
      description:
        "The account, whether X confirmed that its tokens are revoked, and how many jobs were canceled.",
      schema: accountSchema.extend({ revoked: z.boolean(), canceled: z.int() }),
    },
  },
  async handle({ app, caller, params, query }) {
    const { row } = await findAccount(app, caller, params.id);
    const ring = await ringOf(app);
    const by = {
      databases: app.databases,
      kv: app.env.TOKENS,
      ring,
      apps: appsOf(app, ring),
      clock: app.clock,
      lane_names: app.kinds.laneNames,
      log: app.log,
    };
    const { account, revoked, canceled } = await disconnect(by, row, { ...query, actor: actorOf(caller) });
    return Response.json({ ...showAccount(account), revoked, canceled });
  },
});

/** An account of the caller's and its database. Another's is not found, like one that does not exist. */
export async function findAccount(
  app: App,
  caller: Caller,
  id: string,
): Promise<{ db: D1Database; row: AccountRow }> {
  const db = shard(app.databases, id);
  const row = db && (await first<AccountRow>(accounts.find(db, id)));
  if (!db || row?.client_id !== clientOf(caller) || !mayUse(caller, id))
    throw new Problem("not_found", { detail: "No such account" });
  return { db, row };
}

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
