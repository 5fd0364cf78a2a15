import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import * as gates from "#core/store/gates";
import { chooseShard, shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import type { Tokens } from "#core/x/oauth";
import type { Connecting } from "./connect.ts";
import { refreshAt } from "./expiry.ts";
import { keepAccess, pairPlace, type TokenPair } from "./tokens.ts";

export type NewAccount = {
  client_id: string;
  app_id: string;
  metadata: string | null;
  user: { id: string; username: string; name: string };
  tokens: Tokens;
  fresh_id: (shardCharacter: string) => string;
};

/** Versions move by one; another connect of the same account may move it first. */
const TRIES = 3;

/**
 * Keep a connected account: its X user is claimed for this client, the pair sealed and stored with its next version, the
 * account's gate opened. Null when another client has the X user.
 */
export async function keepAccount(
  connecting: Connecting,
  account: NewAccount,
): Promise<{ id: string; version: number } | null> {
  const { databases } = connecting;
  const id = account.fresh_id(chooseShard(databases, account.user.id));
  const claim = { x_user_id: account.user.id, account_id: id, client_id: account.client_id };
  await accounts.claimXUser(databases.DB, claim).run();
  const owner = await first<typeof claim>(accounts.findXUser(databases.DB, account.user.id));
  if (owner?.client_id !== account.client_id) return null;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const version = await store(connecting, account, owner.account_id);
    if (version !== null) return { id: owner.account_id, version };
  }
  throw new Error("the account's token kept moving while it was stored");
}

/** One try: the version it became, or null if another connect was faster. */
async function store(connecting: Connecting, account: NewAccount, id: string): Promise<number | null> {
  const { databases, ring, clock, random } = connecting;
  const db = shard(databases, id);
  if (!db) throw new Error("no database for this account");
  const before = await first<AccountRow>(accounts.find(db, id));
  const version = (before?.token_version ?? 0) + 1;
  const { access_token, refresh_token, expires_in_s, scopes } = account.tokens;
  const pair: TokenPair = { access_token, refresh_token };
  const token_expires_at = clock.now() + Math.floor(expires_in_s * 1000);
  const row = {
    id,
    client_id: account.client_id,
    app_id: account.app_id,
    x_user_id: account.user.id,
    username: account.user.username,
    name: account.user.name,
    scopes: JSON.stringify(scopes),
    token: await ring.seal(JSON.stringify(pair), pairPlace(id, version)),
    token_version: version,
    token_expires_at,
    refresh_at: refresh_token === null ? null : refreshAt(clock.now(), token_expires_at, random()),
    metadata: account.metadata,
  };
  const [stored] = await db.batch([accounts.connect(db, row, clock.now()), gates.openAccount(db, id)]);
  if (stored?.results.length === 0) return null;
  await keepAccess(connecting, { id, version, token: access_token, ttl_s: expires_in_s });
  return version;
}
