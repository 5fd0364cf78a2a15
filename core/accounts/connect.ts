import type { Clock } from "#core/lib/clock";
import { sha256 } from "#core/lib/bytes";
import { hide } from "#core/lib/hide";
import { entropy, newId, randomText } from "#core/lib/ids";
import { challengeOf, createVerifier } from "#core/lib/pkce";
import { reasonOf, type Log } from "#core/lib/log";
import { Problem, type ProblemCode } from "#core/lib/problem";
import type { Ring } from "#core/lib/seal";
import * as oauthStates from "#core/store/oauth-states";
import type { OAuthStateRow } from "#core/store/oauth-states";
import { shard, type Databases } from "#core/store/shard";
import { first } from "#core/store/sql";
import { createXClient, type Fetch } from "#core/x/client";
import { authorizeUrl, exchangeCode, type Tokens } from "#core/x/oauth";
import { Refusal } from "#core/x/refusal";
import { me } from "#core/x/users";
import type { Apps } from "./apps.ts";
import { keepAccount, type Kept } from "./keep.ts";

/** What posting needs, and a refresh token to stay connected. */
export const DEFAULT_SCOPES = ["tweet.read", "tweet.write", "users.read", "media.write", "offline.access"];

const STATE_LENGTH = 40;
const STATE_LIVES_MS = 600_000;
const VERIFIER_BYTES = 32;

export type Connecting = {
  databases: Databases;
  kv: KVNamespace;
  ring: Ring;
  clock: Clock;
  /** 0..1 */
  random: () => number;
  network: Fetch;
  x_url: string;
  x_authorize_url: string;
  apps: Apps;
  /** The callback as it is registered at X. */
  redirect_uri: string;
  /** The lanes an account may have, without the account. */
  lane_names: readonly string[];
  log: Log;
};

/**
 * Begin to connect an account: where to send the user's browser, or null when there is no such X app. The state is bound to
 * the client and the app, works once, and for ten minutes; only its hash is stored, and the PKCE verifier sealed.
 */
export async function beginConnect(
  connecting: Connecting,
  ask: {
    client_id: string;
    app_id: string;
    return_url: string;
    scopes: readonly string[];
    metadata: string | null;
    actor: string;
  },
): Promise<string | null> {
  const db = shard(connecting.databases, ask.client_id);
  if (!db) throw new Error("no database for this client");
  const app = await connecting.apps.find(ask.app_id);
  if (!app) return null;
  // The last character names the client's database, where the callback finds the state again.
  const state = randomText(STATE_LENGTH) + ask.client_id.slice(-1);
  const stateHash = await sha256(state);
  const verifier = createVerifier(entropy(VERIFIER_BYTES));
  await oauthStates
    .insert(db, {
      state_hash: stateHash,
      client_id: ask.client_id,
      app_id: ask.app_id,
      verifier: await connecting.ring.seal(verifier, verifierPlace(stateHash)),
      scopes: JSON.stringify(ask.scopes),
      return_url: ask.return_url,
      metadata: ask.metadata,
      actor: ask.actor,
      expires_at: connecting.clock.now() + STATE_LIVES_MS,
    })
    .run();
  return authorizeUrl({
    authorizeUrl: connecting.x_authorize_url,
    clientId: app.clientId,
    redirectUri: connecting.redirect_uri,
    scopes: ask.scopes,
    state,
    challenge: await challengeOf(verifier),
  });
}

/** What X's callback brought. */
export type Callback = { state: string; code: string | null; error: string | null };

type Ending =
  | { account_id: string; client_id: string; reconnected: boolean; wakes: Kept["wakes"] }
  | { error: ProblemCode };

/** How a connect ended. Without a `return_url` there is nobody to send the browser back to. */
export type Connected = ({ return_url: string } & Ending) | { return_url: null };

/**
 * Finish a connect with what X's callback brought. The state is used up first, whatever comes of it: from there on every
 * end is one that the client hears of at its `return_url`.
 */
export async function finishConnect(connecting: Connecting, callback: Callback): Promise<Connected> {
  const taken = await takeState(connecting, callback.state);
  if (!taken) return { return_url: null };
  const { return_url } = taken;
  try {
    return { return_url, ...(await connectBy(connecting, taken, callback)) };
  } catch (error) {
    connecting.log("connect.failed", { client: taken.client_id, reason: reasonOf(error) });
    return { return_url, error: "internal" };
  }
}

/** The code is exchanged at once, for it lives 30 s. */
async function connectBy(connecting: Connecting, taken: OAuthStateRow, callback: Callback): Promise<Ending> {
  if (callback.error !== null) return { error: REFUSALS.get(callback.error) ?? "x_invalid_request" };
  if (callback.code === null) return { error: "x_unexpected" };
  const app = await connecting.apps.find(taken.app_id);
  if (!app) return { error: "app_deleted" };
  const exchanged = await exchangeCode(app, {
    code: callback.code,
    redirectUri: connecting.redirect_uri,
    verifier: await connecting.ring.open(taken.verifier, verifierPlace(taken.state_hash)),
  });
  if (!exchanged.ok) return { error: ERRORS[exchanged.reason] };
  const user = await whoIs(connecting, exchanged.tokens);
  if (!user) return { error: "x_unavailable" };
  const kept = await keepAccount(connecting, {
    client_id: taken.client_id,
    app_id: taken.app_id,
    actor: taken.actor,
    metadata: taken.metadata,
    user,
    tokens: named(exchanged.tokens, taken),
    fresh_id: (shardCharacter) => newId("acc", shardCharacter, connecting.clock.now()),
  });
  if (kept === null) return { error: "account_in_use" };
  const { id, version, wakes } = kept;
  return { account_id: id, client_id: taken.client_id, reconnected: version > 1, wakes };
}

/** What X says instead of a code (RFC 6749, section 4.1.2.1). The others are faults in what we asked for. */
const REFUSALS = new Map<string, ProblemCode>([
  ["access_denied", "access_denied"],
  ["server_error", "x_unavailable"],
  ["temporarily_unavailable", "x_unavailable"],
]);

/** Scopes that X does not name are the ones asked for (RFC 6749, section 5.1). */
const named = (tokens: Tokens, taken: OAuthStateRow): Tokens =>
  tokens.scopes.length > 0 ? tokens : { ...tokens, scopes: JSON.parse(taken.scopes) as string[] };

const ERRORS = {
  grant_dead: "x_unauthorized",
  app_fault: "app_refused",
  unclear: "x_unavailable",
  rate_limited: "x_unavailable",
  bad_request: "x_invalid_request",
} as const satisfies Record<string, ProblemCode>;

/** Throws `unavailable` when the database does not say: whose state it is is not known then. */
async function takeState(connecting: Connecting, state: string): Promise<OAuthStateRow | null> {
  const { databases, clock, log } = connecting;
  const db = shard(databases, state);
  if (!db) return null;
  try {
    return await first<OAuthStateRow>(oauthStates.take(db, clock.stored(), await sha256(state)));
  } catch (error) {
    log("connect.failed", { reason: reasonOf(error) });
    throw new Problem("unavailable", { detail: "Go back and connect again in a while" });
  }
}

/** Whose tokens these are, in words that do not repeat them. X is asked twice, for the grant is lost if it does not say. */
async function whoIs(connecting: Connecting, tokens: Tokens) {
  const secrets = [tokens.access_token, tokens.refresh_token ?? ""];
  const x = createXClient({
    fetch: connecting.network,
    baseUrl: connecting.x_url,
    accessToken: tokens.access_token,
    now: () => connecting.clock.now(),
  });
  for (let attempt = 1; attempt <= 2; attempt++) {
    try {
      const { id, username, name } = await me(x);
      return { id, username: hide(username, secrets), name: hide(name, secrets) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
  return null;
}

const verifierPlace = (stateHash: string): string => `verifier:${stateHash}`;
