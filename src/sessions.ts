import { z } from "zod";
import { newId } from "#core/lib/ids";
import { Problem, type FieldError } from "#core/lib/problem";
import { readRing } from "#core/lib/ring";
import * as apiKeys from "#core/store/api-keys";
import type { ApiKeyRow } from "#core/store/api-keys";
import { shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import { accountErrors, accountIds } from "./account-ids.ts";
import type { App } from "./app.ts";
import { clientOf, scopes, unauthorized, type Caller, type Scope } from "./auth.ts";
import { defineRoute } from "./route.ts";
import { signSession } from "./session-token.ts";

/** The token carries them, in a header of every request. */
const ACCOUNTS_A_SESSION = 100;
const SHORTEST_S = 60;
const LONGEST_S = 3600;
const USUAL_S = 900;

const sessionSchema = z.strictObject({
  id: z.string(),
  token: z.string().describe("Sent as a key is. Shown here and never again."),
  expires_at: z.iso.datetime(),
  scopes: z.array(z.enum(scopes)),
  account_ids: z.array(z.string()).nullable(),
});

/** POST /v1/sessions: a token of minutes, for a browser or device that must not hold the key. It may do less than the key. */
export const postSession = defineRoute({
  method: "POST",
  path: "/v1/sessions",
  summary: "Make a session for a browser or device",
  scope: "any",
  body: z.strictObject({
    scopes: z.array(z.enum(scopes)).min(1),
    account_ids: accountIds(ACCOUNTS_A_SESSION).optional().describe("Left out: those of the key."),
    expires_in_s: z.int().min(SHORTEST_S).max(LONGEST_S).default(USUAL_S),
  }),
  example: { scopes: ["media:write"], expires_in_s: 900 },
  answers: { 201: { description: "The session.", schema: sessionSchema } },
  async handle({ app, caller, body }) {
    const clientId = clientOf(caller);
    if (caller.session_id !== null)
      throw new Problem("insufficient_scope", { detail: "A session makes no sessions: use the key" });
    const ring = ringOf(app);
    const errors = [
      ...scopeErrors(caller, body.scopes),
      ...(await accountErrors(app, clientId, body.account_ids ?? [], caller.account_ids)),
    ];
    if (errors.length > 0) throw new Problem("invalid", { errors });
    const now = app.clock.now();
    const session = {
      id: newId("ses", clientId.slice(-1), now),
      client_id: clientId,
      key_id: caller.key_id,
      scopes: [...new Set(body.scopes)],
      account_ids: body.account_ids ?? null,
      expires_at: Math.min(now + body.expires_in_s * 1000, await endOf(app, caller.key_id)),
    };
    const token = await signSession(ring, session, now);
    app.log("session.created", { session: session.id, key: caller.key_id });
    return Response.json(
      {
        id: session.id,
        token,
        expires_at: new Date(session.expires_at).toISOString(),
        scopes: session.scopes,
        account_ids: session.account_ids ?? caller.account_ids,
      },
      { status: 201, headers: { "cache-control": "no-store" } },
    );
  },
});

function ringOf(app: App): ReturnType<typeof readRing> {
  try {
    return readRing(app.env.SESSION_KEYS, "SESSION_KEYS");
  } catch (error) {
    throw new Problem("unavailable", { detail: error instanceof Error ? error.message : "No SESSION_KEYS" });
  }
}

function scopeErrors(caller: Caller, wanted: readonly Scope[]): FieldError[] {
  return wanted.flatMap((scope, index) => {
    const pointer = `/scopes/${index}`;
    if (scope === "admin") return [{ pointer, code: "not_allowed", detail: "A session is never an admin's" }];
    if (!caller.scopes.includes(scope))
      return [{ pointer, code: "not_granted", detail: "The key lacks this scope" }];
    return [];
  });
}

/** When a key ends. Read afresh: one that has just been revoked makes no session. */
async function endOf(app: App, keyId: string): Promise<number> {
  const db = shard(app.databases, keyId);
  const row = db && (await first<ApiKeyRow>(apiKeys.find(db, app.clock.stored(), keyId)));
  if (!row) throw unauthorized("This key was revoked or has expired");
  return row.expires_at ?? Infinity;
}
