import type { Clock } from "#core/lib/clock";
import { sha256 } from "#core/lib/bytes";
import { entropy, newId, randomText } from "#core/lib/ids";
import { challengeOf, createVerifier } from "#core/lib/pkce";
import type { ProblemCode } from "#core/lib/problem";
import type { Ring } from "#core/lib/seal";
import * as oauthStates from "#core/store/oauth-states";
import type { OAuthStateRow } from "#core/store/oauth-states";
import { shard, type Databases } from "#core/store/shard";
import { first } from "#core/store/sql";
import { createXClient, type Fetch } from "#core/x/client";
import { authorizeUrl, exchangeCode, type OAuthApp, type Tokens } from "#core/x/oauth";
import { Refusal } from "#core/x/refusal";
import { me } from "#core/x/users";
import { DEFAULT_APP_ID } from "./apps.ts";
import { keepAccount } from "./keep.ts";

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
  x_client_id: string;
  x_client_secret: string | null;
  /** The callback as it is registered at X. */
  redirect_uri: string;
};

/**
 * Begin to connect an account: where to send the user's browser. The state is bound to the client, works once, and for ten
 * minutes; only its hash is stored, and the PKCE verifier sealed.
 */
export async function beginConnect(
  connecting: Connecting,
  ask: {
    client_id: string;
    return_url: string;
    scopes: readonly string[];
    metadata: string | null;
    actor: string;
  },
): Promise<string> {
  const db = shard(connecting.databases, ask.client_id);
  if (!db) throw new Error("no database for this client");
  // The last character names the client's database, where the callback finds the state again.
  const state = randomText(STATE_LENGTH) + ask.client_id.slice(-1);
  const stateHash = await sha256(state);
  const verifier = createVerifier(entropy(VERIFIER_BYTES));
  await oauthStates
    .insert(db, {
      state_hash: stateHash,
      client_id: ask.client_id,
      app_id: DEFAULT_APP_ID,
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
    clientId: connecting.x_client_id,
    redirectUri: connecting.redirect_uri,
    scopes: ask.scopes,
    state,
    challenge: await challengeOf(verifier),
  });
}

/** How a connect ended. Without a `return_url` there is nobody to send the browser back to. */
export type Connected =
  | { return_url: string; account_id: string; reconnected: boolean }
  | { return_url: string; error: ProblemCode }
  | { return_url: null };

/**
 * Finish a connect with what X's callback brought. The state is used up first, whatever comes of it; the code is exchanged
 * at once, for it lives 30 s.
 */
export async function finishConnect(
  connecting: Connecting,
  callback: { state: string; code: string | null },
): Promise<Connected> {
  const taken = await takeState(connecting, callback.state);
  if (!taken) return { return_url: null };
  const { return_url } = taken;
  if (callback.code === null) return { return_url, error: "access_denied" };
  const exchanged = await exchangeCode(oauthApp(connecting), {
    code: callback.code,
    redirectUri: connecting.redirect_uri,
    verifier: await connecting.ring.open(taken.verifier, verifierPlace(taken.state_hash)),
  });
  if (!exchanged.ok) return { return_url, error: ERRORS[exchanged.reason] };
  const user = await whoIs(connecting, exchanged.tokens);
  if (!user) return { return_url, error: "x_unavailable" };
  const kept = await keepAccount(connecting, {
    client_id: taken.client_id,
    app_id: taken.app_id,
    metadata: taken.metadata,
    user,
    tokens: named(exchanged.tokens, taken),
    fresh_id: (shardCharacter) => newId("acc", shardCharacter, connecting.clock.now()),
  });
  return kept === null
    ? { return_url, error: "account_in_use" }
    : { return_url, account_id: kept.id, reconnected: kept.version > 1 };
}

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

const oauthApp = (connecting: Connecting): OAuthApp => ({
  fetch: connecting.network,
  baseUrl: connecting.x_url,
  clientId: connecting.x_client_id,
  clientSecret: connecting.x_client_secret,
  now: () => connecting.clock.now(),
});

async function takeState(connecting: Connecting, state: string): Promise<OAuthStateRow | null> {
  const db = shard(connecting.databases, state);
  return db && first<OAuthStateRow>(oauthStates.take(db, connecting.clock.stored(), await sha256(state)));
}

/** Whose tokens these are; X is asked twice, for the grant is lost if it does not say. */
async function whoIs(connecting: Connecting, tokens: Tokens) {
  const x = createXClient({
    fetch: connecting.network,
    baseUrl: connecting.x_url,
    accessToken: tokens.access_token,
    now: () => connecting.clock.now(),
  });
  for (let attempt = 1; attempt <= 2; attempt++) {
    try {
      return await me(x);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
  return null;
}

const verifierPlace = (stateHash: string): string => `verifier:${stateHash}`;
