import { base64url, utf8 } from "./bytes.ts";
import type { Grant } from "./entities.ts";
import { randomText, type Sim } from "./sim.ts";
import type { Tokens } from "./world.ts";

/** Lifetimes by X's page "OAuth 2.0 Authorization Code Flow with PKCE"; the refresh token's by observation. */
export const lifetimes = { code_ms: 30_000, access_s: 7_200, refresh_ms: 180 * 86_400_000 };

/** The scopes of X's OpenAPI document and pages. */
export const scopes = new Set(
  (
    "block.read block.write bookmark.read bookmark.write broadcast.read broadcast.write dm.read dm.write " +
    "follows.read follows.write like.read like.write list.read list.write media.write mute.read mute.write " +
    "offline.access space.read timeline.read tweet.moderate.write tweet.read tweet.write users.read users.email " +
    "developer.read developer.write"
  ).split(" "),
);

/** A token in X's form: base64url of `<random>:<epoch ms>:1:1:<kind>:1`. */
export function makeToken(sim: Sim, kind: "at" | "rt" | "ac"): string {
  const inner = `${randomText(sim.random, 43)}:${sim.now()}:1:1:${kind}:1`;
  return base64url(utf8(inner));
}

/** Issue a new family of tokens. `code` is the authorization code it is paid with, if any. */
export function issue(
  sim: Sim,
  { client_id, user_id, scopes }: Pick<Grant, "client_id" | "user_id" | "scopes">,
  code: string | null,
): Grant {
  const id = sim.id();
  const tokens = freshTokens(sim, scopes);
  const now = sim.now();
  const grant = {
    id,
    client_id,
    user_id,
    scopes,
    created_at: now,
    refreshes: 0,
    last_refreshed_at: null,
    revoked_at: null,
    ...tokens,
  };
  sim.commit({ type: "grant.issued", grant, code });
  return grant;
}

/** Replace both tokens of a grant; the refresh token used is spent. */
export function rotate(sim: Sim, grant: Grant): void {
  const old_dies = sim.world.settings.old_access_token_dies_on_refresh;
  const fresh = freshTokens(sim, grant.scopes);
  sim.commit({ type: "grant.rotated", id: grant.id, at: sim.now(), old_dies, fresh });
}

/** The token endpoint's 200 body for a grant. */
export function tokenResponse(grant: Grant) {
  const { access_token, refresh_token } = grant;
  return {
    token_type: "bearer",
    expires_in: lifetimes.access_s,
    access_token,
    scope: grant.scopes.join(" "),
    ...(refresh_token !== null && { refresh_token }),
  };
}

/** The grant behind an access token that is good now, or null. */
export function grantOf(sim: Sim, access_token: string): Grant | null {
  const access = sim.world.access.get(access_token);
  if (!access || access.dead || access.grant.revoked_at !== null) return null;
  return sim.now() < access.expires_at ? access.grant : null;
}

function freshTokens(sim: Sim, granted: string[]): Tokens {
  const now = sim.now();
  return {
    access_token: makeToken(sim, "at"),
    access_expires_at: now + lifetimes.access_s * 1000,
    refresh_token: granted.includes("offline.access") ? makeToken(sim, "rt") : null,
    refresh_expires_at: now + lifetimes.refresh_ms,
  };
}
