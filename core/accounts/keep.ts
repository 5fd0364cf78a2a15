import { newId } from "#core/lib/ids";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import * as audit from "#core/store/audit";
import * as caps from "#core/store/caps";
import * as clients from "#core/store/clients";
import type { ClientRow } from "#core/store/clients";
import * as gates from "#core/store/gates";
import { chooseShard, shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import { event } from "#core/webhooks/events";
import type { Tokens } from "#core/x/oauth";
import type { Connecting } from "./connect.ts";
import { refreshAt } from "./expiry.ts";
import { keepAccess, pairPlace, type TokenPair } from "./tokens.ts";
import { showAccount } from "./view.ts";

export type NewAccount = {
  client_id: string;
  app_id: string;
  /** Who began it: the id of a key or session. */
  actor: string;
  metadata: string | null;
  user: { id: string; username: string; name: string };
  tokens: Tokens;
  fresh_id: (shardCharacter: string) => string;
};

/** The account that was kept, and its lanes that have something to do again. */
export type Kept = { id: string; version: number; wakes: { lane: string; wait_ms: number }[] };

/** Versions move by one; another connect of the same account may move it first. */
const TRIES = 3;

/**
 * Keep a connected account: its X user is claimed for this client, the pair sealed and stored with its next version, the
 * account's gate opened, unless it is paused, and its lanes made due. Null when another client has the X user.
 */
export async function keepAccount(connecting: Connecting, account: NewAccount): Promise<Kept | null> {
  const { databases } = connecting;
  const id = account.fresh_id(chooseShard(databases, account.user.id));
  const claim = { x_user_id: account.user.id, account_id: id, client_id: account.client_id };
  await accounts.claimXUser(databases.DB, claim).run();
  const owner = await first<typeof claim>(accounts.findXUser(databases.DB, account.user.id));
  if (owner?.client_id !== account.client_id) return null;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const kept = await store(connecting, account, owner.account_id);
    if (kept !== null) return kept;
  }
  throw new Error("the account's token kept moving while it was stored");
}

/** One try: null if another connect was faster. What waits for the account may run as soon as it is connected. */
async function store(connecting: Connecting, account: NewAccount, id: string): Promise<Kept | null> {
  const { databases, clock, lane_names } = connecting;
  const db = shard(databases, id);
  if (!db) throw new Error("no database for this account");
  const before = await first<AccountRow>(accounts.find(db, id));
  const row = await rowOf(connecting, account, id, before);
  const lanes = lane_names.map((name) => `${name}:${id}`);
  const home = shard(databases, account.client_id);
  const client = home === db ? null : home && (await first<ClientRow>(clients.find(home, account.client_id)));
  // The cap of a client is known on every database that has accounts of it.
  if (client?.daily_cap != null) await caps.follow(db, clock.stored(), client.id).run();
  const [stored, , , , , woken] = await db.batch([
    accounts.connect(db, { ...row, metadata: account.metadata }, clock.now()),
    event(db, eventOf(row, before !== null), clock.now()),
    noted(db, row, account.actor, before !== null),
    gates.openAccount(db, id),
    gates.pause(db, clock.stored(), id),
    accounts.wakeLanes(db, clock.stored(), id, lanes),
  ]);
  if (stored?.results.length === 0) return null;
  const { access_token, expires_in_s } = account.tokens;
  await keepAccess(connecting, { id, version: row.token_version, token: access_token, ttl_s: expires_in_s });
  return { id, version: row.token_version, wakes: (woken?.results ?? []) as Kept["wakes"] };
}

/** The account as it will stand. */
async function rowOf(
  { ring, clock, random }: Connecting,
  account: NewAccount,
  id: string,
  before: AccountRow | null,
): Promise<AccountRow> {
  const now = clock.now();
  const version = (before?.token_version ?? 0) + 1;
  const { access_token, refresh_token, expires_in_s, scopes } = account.tokens;
  const pair: TokenPair = { access_token, refresh_token };
  const token_expires_at = now + Math.floor(expires_in_s * 1000);
  return {
    id,
    client_id: account.client_id,
    app_id: account.app_id,
    x_user_id: account.user.id,
    username: account.user.username,
    name: account.user.name,
    scopes: JSON.stringify(scopes),
    state: "connected",
    token: await ring.seal(JSON.stringify(pair), pairPlace(id, version)),
    token_version: version,
    token_expires_at,
    token_issued_at: now,
    token_origin: "connect",
    refresh_at: refresh_token === null ? null : refreshAt(now, token_expires_at, random()),
    metadata: account.metadata ?? before?.metadata ?? null,
    paused_at: before?.paused_at ?? null,
    daily_cap: before?.daily_cap ?? null,
    created_at: before?.created_at ?? now,
    updated_at: now,
  };
}

const eventOf = (row: AccountRow, reconnected: boolean) => ({
  client_id: row.client_id,
  type: "account.connected" as const,
  account_id: row.id,
  data: { ...showAccount(row), reconnected },
});

const noted = (db: D1Database, row: AccountRow, actor: string, reconnected: boolean): D1PreparedStatement =>
  audit.insert(db, {
    client_id: row.client_id,
    id: newId("aud", row.id.slice(-1), row.updated_at),
    actor,
    action: "account.connected",
    subject: row.id,
    detail: JSON.stringify({ x_user_id: row.x_user_id, app_id: row.app_id, reconnected }),
    created_at: row.updated_at,
  });
