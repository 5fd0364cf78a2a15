import { equalInConstantTime, sha256 } from "#core/lib/bytes";
import { newId, randomText } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as apiKeys from "#core/store/api-keys";
import type { ApiKeyRow } from "#core/store/api-keys";
import { shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import type { App } from "./app.ts";

export const scopes = [
  "jobs:read",
  "jobs:write",
  "media:write",
  "accounts:read",
  "accounts:write",
  "webhooks:write",
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
  const key = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (key === undefined) throw unauthorized("Send a key as `Authorization: Bearer tap_…`");
  if (app.env.ADMIN_KEY && (await equalInConstantTime(key, app.env.ADMIN_KEY))) return ADMIN;
  const caller = await findKey(app, key);
  if (!caller) throw unauthorized("This key is unknown or has expired");
  return caller;
}

/** Callers seen lately by this isolate, by the hash of their key: a busy key costs no database read a request. */
const seen = new Map<string, { caller: Caller; until: number }>();
const SEEN_FOR_MS = 5_000;
const SEEN_AT_MOST = 1_000;

async function findKey(app: App, key: string): Promise<Caller | null> {
  const hash = await sha256(key);
  const known = seen.get(hash);
  if (known && app.clock.now() < known.until) return known.caller;
  const row = await findRow(app, key);
  if (!row) return null;
  const caller = asCaller(row);
  if (seen.size >= SEEN_AT_MOST) seen.clear();
  seen.set(hash, { caller, until: Math.min(app.clock.now() + SEEN_FOR_MS, row.expires_at ?? Infinity) });
  return caller;
}

const asCaller = (row: ApiKeyRow): Caller => ({
  key_id: row.id,
  session_id: null,
  client_id: row.client_id,
  scopes: JSON.parse(row.scopes) as Scope[],
  account_ids: row.account_ids === null ? null : (JSON.parse(row.account_ids) as string[]),
});

async function findRow(app: App, key: string): Promise<ApiKeyRow | null> {
  const [, body, secret] = /^tap_([0-9A-Za-z]{23})_([0-9A-Za-z]{40})$/.exec(key) ?? [];
  const db = body && shard(app.databases, body);
  if (!body || !secret || !db) return null;
  const now = app.clock.stored();
  const row = await first<ApiKeyRow>(apiKeys.find(db, now, `key_${body}`));
  if (!row || !(await equalInConstantTime(await sha256(secret), row.hash))) return null;
  if ((row.last_used_at ?? 0) < app.clock.now() - 3_600_000) app.later(apiKeys.touch(db, now, row.id).run());
  return row;
}

/** Refuse a caller whose key lacks the route's scope. */
export function authorize(caller: Caller, scope: Scope): void {
  if (!caller.scopes.includes(scope))
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

const unauthorized = (detail: string): Problem =>
  new Problem("unauthorized", { detail, headers: { "www-authenticate": "Bearer" } });
