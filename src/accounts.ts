import { z } from "zod";
import { disconnect } from "#core/accounts/disconnect";
import { showAccount } from "#core/accounts/view";
import { capAccount } from "#core/jobs/caps";
import { wake } from "#core/jobs/wake";
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
import { dailyCap } from "./clients.ts";
import { pageOf } from "./list-jobs.ts";
import { metadata } from "./order.ts";
import { defineRoute } from "./route.ts";
import { tellAll } from "./tell-all.ts";

const WAKE_LIMIT_MS = 2_000;
const accountId = z.strictObject({ id: z.string().refine((text) => isId("acc", text)) });

export const accountSchema = z.strictObject({
  id: z.string(),
  x_user_id: z.string(),
  username: z.string(),
  name: z.string(),
  app_id: z.string(),
  scopes: z.array(z.string()),
  state: z.enum(["connected", "reconnect_required", "disconnected"]),
  token_expires_at: z.iso.datetime().nullable(),
  paused_at: z.iso.datetime().nullable(),
  daily_cap_micro_usd: dailyCap,
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

/** PATCH /v1/accounts/{id}: what is left out stays as it is. */
export const patchAccount = defineRoute({
  method: "PATCH",
  path: "/v1/accounts/{id}",
  summary: "Change an account's metadata or daily cap",
  scope: "accounts:write",
  params: accountId,
  body: z.strictObject({
    metadata: metadata.nullable().optional(),
    daily_cap_micro_usd: dailyCap.optional(),
  }),
  example: { daily_cap_micro_usd: 5_000_000 },
  answers: { 200: { description: "The account as it is now.", schema: accountSchema } },
  async handle({ app, caller, params, body }) {
    const { db, row } = await findAccount(app, caller, params.id);
    const now = app.clock.now();
    const { metadata: given, daily_cap_micro_usd: daily_cap } = body;
    const fields = {
      metadata: given === undefined ? undefined : given === null ? null : JSON.stringify(given),
      daily_cap,
    };
    const noted = { client_id: row.client_id, action: "account.changed" as const, subject: row.id };
    const statements = [
      accounts.change(db, row.id, fields, now),
      audit(db, caller, { ...noted, detail: { fields: Object.keys(body) } }, now),
    ];
    if (daily_cap === undefined) await db.batch(statements);
    else app.later(wake(app, await capAccount(app, row, daily_cap, statements), WAKE_LIMIT_MS));
    return Response.json(showAccount((await findAccount(app, caller, row.id)).row));
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
    app.later(tellAll(app, row.client_id));
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
