import { z } from "zod";
import { createApps, credentialsOf, DEFAULT_APP_ID, type Apps } from "#core/accounts/apps";
import { beginConnect, DEFAULT_SCOPES, type Connecting } from "#core/accounts/connect";
import { isId } from "#core/lib/ids";
import { reasonOf } from "#core/lib/log";
import { Problem, type FieldError } from "#core/lib/problem";
import type { Ring } from "#core/lib/seal";
import * as apps from "#core/store/apps";
import type { AppRow } from "#core/store/apps";
import * as clients from "#core/store/clients";
import type { ClientRow } from "#core/store/clients";
import { shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import { SCOPE } from "#core/x/oauth";
import type { App } from "./app.ts";
import { actorOf, clientOf } from "./auth.ts";
import { metadata } from "./order.ts";
import { defineRoute } from "./route.ts";

/** Without these X does not say whose account it is. */
const NEEDED_SCOPES = ["tweet.read", "users.read"];

/** POST /v1/accounts/connect: where to send a user who wants to connect an X account. */
export const connectAccount = defineRoute({
  method: "POST",
  path: "/v1/accounts/connect",
  summary: "Begin to connect an X account",
  scope: "accounts:write",
  body: z.strictObject({
    return_url: z.url().describe("One of the client's registered return URLs, exactly."),
    app_id: z
      .string()
      .refine((text) => text === DEFAULT_APP_ID || isId("app", text), "Not an app id (app_…)")
      .default(DEFAULT_APP_ID)
      .describe("An X app of the client's. Left out: that of this installation."),
    scopes: z
      .array(z.string().regex(SCOPE))
      .min(1)
      .max(30)
      .refine(
        (scopes) => NEEDED_SCOPES.every((scope) => scopes.includes(scope)),
        `Must have ${NEEDED_SCOPES.join(" and ")}`,
      )
      .optional(),
    metadata: metadata.optional(),
  }),
  example: { return_url: "https://app.example/connected" },
  answers: {
    200: { description: "Send the user there.", schema: z.strictObject({ authorize_url: z.string() }) },
  },
  async handle({ app, caller, request, body }) {
    const clientId = clientOf(caller);
    const errors = await notTheirs(app, clientId, body);
    if (errors.length > 0) throw new Problem("invalid", { errors });
    const authorize_url = await beginConnect(await connectingOf(app, request), {
      client_id: clientId,
      app_id: body.app_id,
      return_url: body.return_url,
      scopes: body.scopes ?? DEFAULT_SCOPES,
      metadata: body.metadata === undefined ? null : JSON.stringify(body.metadata),
      actor: actorOf(caller),
    });
    if (authorize_url === null) throw new Problem("unavailable", { detail: "X_CLIENT_ID is not set" });
    return Response.json({ authorize_url }, { headers: { "cache-control": "no-store" } });
  },
});

/** What of a connect is not registered for its client. */
async function notTheirs(
  app: App,
  clientId: string,
  { return_url, app_id }: { return_url: string; app_id: string },
): Promise<FieldError[]> {
  const db = shard(app.databases, clientId);
  if (!db) throw new Problem("unavailable");
  const [client, xApp] = await Promise.all([
    first<ClientRow>(clients.find(db, clientId)),
    app_id === DEFAULT_APP_ID ? null : first<AppRow>(apps.find(db, app_id)),
  ]);
  const errors: FieldError[] = [];
  if (!(JSON.parse(client?.return_urls ?? "[]") as string[]).includes(return_url))
    errors.push({
      pointer: "/return_url",
      code: "not_registered",
      detail: "Not one of the client's return URLs",
    });
  if (app_id !== DEFAULT_APP_ID && xApp?.client_id !== clientId)
    errors.push({ pointer: "/app_id", code: "not_found", detail: "No such app" });
  return errors;
}

/** What connecting runs on. Throws 503 while the installation has no token key. */
export async function connectingOf(app: App, request: Request): Promise<Connecting> {
  const ring = await ringOf(app);
  return {
    databases: app.databases,
    kv: app.env.TOKENS,
    ring,
    clock: app.clock,
    random: app.random,
    network: app.network,
    x_url: app.env.X_API_URL,
    x_authorize_url: app.env.X_AUTHORIZE_URL,
    apps: appsOf(app, ring),
    redirect_uri: redirectUri(app, request),
    lane_names: app.kinds.laneNames,
    log: app.log,
  };
}

/** The ring that seals tokens and secrets. Throws 503, with what is wrong with it. */
export const ringOf = (app: App): Promise<Ring> =>
  app.ring().catch((error: unknown) => {
    throw new Problem("misconfigured", { detail: reasonOf(error) });
  });

/** The X apps of this installation and its clients. */
export function appsOf({ databases, env, network, clock }: App, ring: Ring): Apps {
  return createApps({
    databases,
    ring,
    network,
    x_url: env.X_API_URL,
    now: () => clock.now(),
    fallback: credentialsOf(env),
  });
}

/** The address that X sends browsers back to, as it must be registered there. */
export const redirectUri = ({ env }: App, request: Request): string =>
  `${env.PUBLIC_URL.replace(/\/$/, "") || new URL(request.url).origin}/oauth/callback`;
