import { within, type Clock } from "#core/lib/clock";
import { reasonOf, type Log } from "#core/lib/log";
import { done, fail, retry, wait, type Outcome } from "#core/lib/outcome";
import { Problem } from "#core/lib/problem";
import type { Ring } from "#core/lib/seal";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import * as gates from "#core/store/gates";
import { shard, type Databases } from "#core/store/shard";
import { first } from "#core/store/sql";
import { refresh, revoke, type OAuthApp, type OAuthFailure, type Tokens } from "#core/x/oauth";
import { event } from "#core/webhooks/events";
import type { Apps } from "./apps.ts";
import { refreshAt } from "./expiry.ts";
import { keepAccess, pairPlace, type TokenPair } from "./tokens.ts";
import { showAccount } from "./view.ts";

/** What a refresh runs on. */
export type Refreshing = {
  databases: Databases;
  kv: KVNamespace;
  ring: Ring;
  apps: Apps;
  clock: Clock;
  /** 0..1 */
  random: () => number;
  log: Log;
  /** The names of the lanes an account may have, without the account. */
  lanes: readonly string[];
};

/** D1 may hang for longer than a lease lasts. */
const STORE_TRY_MS = 8_000;
/** A pair that came is stored as long as it can be: X gives it once. */
const STORE_TRIES = 5;

/**
 * Replace an account's token pair, if it is still the one that was asked about: of that `version`, or, without one, of
 * the time (epoch ms) it was asked. Called by one holder of the account's lane at a time; what is stored is fenced by
 * the version all the same.
 */
export async function refreshAccount(
  by: Refreshing,
  accountId: string,
  asked: { version: number | null; at: number },
  hear: (well: boolean) => void = () => undefined,
): Promise<Outcome> {
  const db = shard(by.databases, accountId);
  const account = db && (await first<AccountRow>(accounts.find(db, accountId)));
  if (!db || !account) return fail(new Problem("not_found", { detail: "No such account" }));
  if (account.state === "disconnected") return fail(new Problem("account_disconnected"));
  if (hasMoved(account, asked)) return done(resultOf(account));
  if (account.state === "reconnect_required" || account.token === null)
    return fail(new Problem("reconnect_required"));

  const pair = JSON.parse(
    await by.ring.open(account.token, pairPlace(account.id, account.token_version)),
  ) as TokenPair;
  if (pair.refresh_token === null)
    return asked.version === null
      ? fail(new Problem("not_refreshable"))
      : giveUp(by, db, account, new Problem("not_refreshable"));
  const app = await by.apps.find(account.app_id);
  if (!app) return wait({ scope: "oauth" }, "app_refused");
  const answer = await refresh(app, pair.refresh_token);
  hear(answer.ok || answer.reason !== "unclear");
  if (!answer.ok) return refused(by, db, account, answer);
  return store(by, db, { account, app, pair, tokens: answer.tokens });
}

const hasMoved = (account: AccountRow, asked: { version: number | null; at: number }): boolean =>
  asked.version === null ? account.token_issued_at > asked.at : account.token_version !== asked.version;

const resultOf = ({ token_expires_at }: Pick<AccountRow, "token_expires_at">) => ({
  token_expires_at: token_expires_at === null ? null : new Date(token_expires_at).toISOString(),
});

/** X did not give a new pair. Only its word that the token is invalid ends the grant; the app's faults are not the account's. */
async function refused(
  by: Refreshing,
  db: D1Database,
  account: AccountRow,
  { reason, until, problem }: OAuthFailure,
): Promise<Outcome> {
  switch (reason) {
    case "unclear":
      return retry(problem);
    case "rate_limited":
      return wait({ scope: "oauth" }, "rate_limited", until, problem);
    case "app_fault":
      by.log("app.refused", { app: account.app_id, detail: problem.extra.upstream?.detail ?? null });
      return wait({ scope: "oauth" }, "app_refused", null, problem);
    case "bad_request":
      return fail(problem);
    case "grant_dead":
      return giveUp(by, db, account, problem);
  }
}

/** The grant is dead, unless its token has moved while we asked: then ours was only an old one. */
async function giveUp(
  by: Refreshing,
  db: D1Database,
  account: AccountRow,
  problem: Problem,
): Promise<Outcome> {
  const { id, client_id, token_version } = account;
  const now = by.clock.now();
  const dead = { ...account, state: "reconnect_required" } as const;
  const [changed] = await db.batch([
    accounts.requireReconnect(db, id, token_version, now),
    event(
      db,
      { client_id, type: "account.reconnect_required", account_id: id, data: showAccount(dead) },
      now,
    ),
    gates.shutAccount(db, by.clock.stored(), id, { state: "reconnect_required", reason: "reconnect" }),
  ]);
  const after = await first<AccountRow>(accounts.find(db, id));
  if (after && after.token_version !== token_version && after.state === "connected")
    return done(resultOf(after));
  if (changed?.meta.changes) by.log("account.reconnect_required", { account: id, code: problem.code });
  return fail(
    new Problem("reconnect_required", problem.extra.upstream && { upstream: problem.extra.upstream }),
  );
}

type Brought = { account: AccountRow; app: OAuthApp; pair: TokenPair; tokens: Tokens };

/** Store the new pair before anything else is done with it, open what waited for it, and name the lanes to wake. */
async function store(by: Refreshing, db: D1Database, brought: Brought): Promise<Outcome> {
  const { account, app, pair, tokens } = brought;
  const { id, token_version } = account;
  const now = by.clock.now();
  const token_expires_at = now + Math.floor(tokens.expires_in_s * 1000);
  // X may leave out a refresh token that stays as it is (RFC 6749, section 6).
  const next: TokenPair = {
    access_token: tokens.access_token,
    refresh_token: tokens.refresh_token ?? pair.refresh_token,
  };
  const token = await by.ring.seal(JSON.stringify(next), pairPlace(id, token_version + 1));
  const refresh_at = refreshAt(now, token_expires_at, by.random());
  const moved = { id, token_version, token, token_expires_at, refresh_at };
  const lanes = by.lanes.map((name) => `${name}:${id}`);
  const woken = await repeated(by, id, async () => {
    const [, , woke] = await db.batch([
      accounts.moveToken(db, moved, now),
      gates.openForToken(db, id),
      accounts.wakeLanes(db, by.clock.stored(), id, lanes),
    ]);
    return (woke?.results as { lane: string }[]).map(({ lane }) => lane);
  });
  const after = await first<AccountRow>(accounts.find(db, id));
  if (after?.token !== token) return overtaken(by, app, after, next);
  await keepAccess(by, {
    id,
    version: token_version + 1,
    token: next.access_token,
    ttl_s: tokens.expires_in_s,
  });
  by.log("token.refreshed", { account: id, version: token_version + 1 });
  return done(resultOf(moved), { wakes: woken });
}

/** The account was connected anew or disconnected meanwhile. What a disconnect could not revoke is revoked here. */
async function overtaken(
  by: Refreshing,
  app: OAuthApp,
  account: AccountRow | null,
  pair: TokenPair,
): Promise<Outcome> {
  if (account?.state === "connected") return done(resultOf(account));
  for (const token of [pair.refresh_token, pair.access_token]) if (token !== null) await revoke(app, token);
  by.log("token.discarded", { account: account?.id ?? null });
  return fail(new Problem("account_disconnected"));
}

/** Made to be repeated: an answer of D1 that was lost is asked for again. */
async function repeated<Value>(by: Refreshing, id: string, write: () => Promise<Value>): Promise<Value> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await within(write(), STORE_TRY_MS);
    } catch (error) {
      by.log("token.unstored", { account: id, attempt, reason: reasonOf(error) });
      if (attempt === STORE_TRIES) throw error;
      await by.clock.sleep(100 * 2 ** attempt * (0.5 + by.random()));
    }
  }
}
