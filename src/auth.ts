import { equalInConstantTime, sha256 } from "#core/lib/bytes";
import { newId, randomText } from "#core/lib/ids";
import { reasonOf } from "#core/lib/log";
import { Problem } from "#core/lib/problem";
import { readRing } from "#core/lib/ring";
import type { ApiKeyRow } from "#core/store/api-keys";
import type { App } from "./app.ts";
import { findKey, touchKey } from "./seen-keys.ts";
import { isSessionToken, readSession } from "./session-token.ts";

export const scopes = [
  "jobs:read",
  "jobs:write",
  "media:write",
  "accounts:read",
  "accounts:write",
  "webhooks:write",
  "metrics:read",
  "admin",
] as const;

export type Scope = (typeof scopes)[number];

/** Who calls. `client_id` is null for the admin key, which belongs to no client. */
export type Caller = {
  key_id: string;
  /** null: the key itself calls. */
  session_id: string | null;
  client_id: string | null;
  scopes: readonly Scope[];
  /** null: every account of the client. */
  account_ids: readonly string[] | null;
};

const ADMIN: Caller = {
  key_id: "admin",
  session_id: null,
  client_id: null,
  scopes: ["admin"],
  account_ids: null,
};
const SECRET_LENGTH = 40;

/** A new API key: what its client is shown once, and what is stored of it. */
export async function createKey(
  clientId: string,
  now: number,
): Promise<{ id: string; key: string; hash: string }> {
  const id = newId("key", clientId.slice(-1), now);
  const secret = randomText(SECRET_LENGTH);
  return { id, key: `tap_${id.slice("key_".length)}_${secret}`, hash: await sha256(secret) };
}

/** Who a request comes from. Throws 401. */
export async function authenticate(app: App, request: Request): Promise<Caller> {
  const sent = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (sent === undefined) throw unauthorized("Send a key as `Authorization: Bearer tap_…`");
  if (app.env.ADMIN_KEY && (await equalInConstantTime(sent, app.env.ADMIN_KEY))) return ADMIN;
  if (isSessionToken(sent)) return bySession(app, sent);
  const caller = await byKey(app, sent);
  if (!caller) throw unauthorized("This key is unknown, was revoked or has expired");
  return caller;
}

async function byKey(app: App, key: string): Promise<Caller | null> {
  const [, body, secret = ""] = /^tap_([0-9A-Za-z]{23})_([0-9A-Za-z]{40})$/.exec(key) ?? [];
  const row = body === undefined ? null : await findKey(app, `key_${body}`);
  if (!row || !(await equalInConstantTime(await sha256(secret), row.hash))) return null;
  touchKey(app, row);
  return {
    key_id: row.id,
    session_id: null,
    client_id: row.client_id,
    scopes: scopesOf(row),
    account_ids: accountsOf(row),
  };
}

/** A session may do what it was made for, as far as its key still may. */
async function bySession(app: App, token: string): Promise<Caller> {
  const session = await readSession(sessionRing(app), token, app.clock.now());
  const row = session && (await findKey(app, session.key_id));
  if (!session || row?.client_id !== session.client_id)
    throw unauthorized("This session is unknown or over, or its key was revoked or has expired");
  touchKey(app, row);
  const ofKey = accountsOf(row);
  return {
    key_id: row.id,
    session_id: session.id,
    client_id: row.client_id,
    scopes: scopesOf(row).filter((scope) => scope !== "admin" && session.scopes.includes(scope)),
    account_ids: session.account_ids?.filter((id) => ofKey?.includes(id) ?? true) ?? ofKey,
  };
}

/** Without a ring nobody can have been given a session. */
function sessionRing(app: App): ReturnType<typeof readRing> {
  try {
    return readRing(app.env.SESSION_KEYS, "SESSION_KEYS");
  } catch (error) {
    app.log("session.unreadable", { reason: reasonOf(error) });
    throw unauthorized("Sessions cannot be read here");
  }
}

const scopesOf = (row: ApiKeyRow): Scope[] => JSON.parse(row.scopes) as Scope[];

const accountsOf = (row: ApiKeyRow): string[] | null =>
  row.account_ids === null ? null : (JSON.parse(row.account_ids) as string[]);

/** Refuse a caller whose key or session lacks the route's scope. */
export function authorize(caller: Caller, scope: Scope | "any"): void {
  if (scope !== "any" && !caller.scopes.includes(scope))
    throw new Problem("insufficient_scope", { detail: `This needs a key with the scope ${scope}` });
}

/** The client a call acts for. The admin key has none. */
export function clientOf(caller: Caller): string {
  if (caller.client_id === null)
    throw new Problem("insufficient_scope", {
      detail: "The admin key belongs to no client: use a client's key",
    });
  return caller.client_id;
}

/** Who calls, as it is written down: a session's id, a key's id, or `admin`. */
export const actorOf = (caller: Caller): string => caller.session_id ?? caller.key_id;

/** Whether the caller's key reaches an account. Whether the account is its client's is the store's to say. */
export const mayUse = (caller: Caller, accountId: string): boolean =>
  caller.account_ids?.includes(accountId) ?? true;

/** 401 */
export const unauthorized = (detail: string): Problem =>
  new Problem("unauthorized", { detail, headers: { "www-authenticate": "Bearer" } });
