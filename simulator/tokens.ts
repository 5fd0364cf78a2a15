import { base64url, sha256, utf8 } from "./bytes.ts";
import type { App, Code } from "./entities.ts";
import { json, jsonBody, mediaType, type Answer, type Call } from "./exchange.ts";
import { issue, lifetimes, rotate, tokenResponse } from "./grants.ts";
import type { Sim } from "./sim.ts";

/** POST /2/oauth2/token: X's OAuth 2.0, with its own wording of errors. */
export async function token(sim: Sim, call: Call): Promise<Answer> {
  const form = parametersOf(call);
  const app = clientOf(sim, call, form);
  if ("status" in app) return app;
  const grant_type = form.get("grant_type") ?? "";
  if (grant_type === "authorization_code") return exchange(sim, app, form);
  if (grant_type === "refresh_token") return refresh(sim, app, form);
  if (grant_type === "") return missing("grant_type");
  return oauthError(400, "unsupported_grant_type", "Value passed for the grant type was invalid.");
}

/** POST /2/oauth2/revoke: a refresh token ends its whole grant, an access token only itself. */
export function revoke(sim: Sim, call: Call): Answer {
  const form = parametersOf(call);
  const app = clientOf(sim, call, form);
  if ("status" in app) return app;
  const given = form.get("token") ?? "";
  if (given === "") return missing("token");
  const access = sim.world.access.get(given);
  const refresh = sim.world.refresh.get(given);
  if (access?.grant.client_id === app.client_id) sim.commit({ type: "access.revoked", token: given });
  if (refresh?.grant.client_id === app.client_id) {
    sim.commit({ type: "grant.revoked", id: refresh.grant.id, at: sim.now() });
  }
  // RFC 7009: an unknown token is answered like a revoked one.
  return json({ revoked: true });
}

async function exchange(sim: Sim, app: App, form: URLSearchParams): Promise<Answer> {
  for (const name of ["code", "redirect_uri", "code_verifier"]) if (!form.get(name)) return missing(name);
  const given = form.get("code") ?? "";
  const code = sim.world.codes.get(given);
  const refused = oauthError(400, "invalid_request", "Value passed for the authorization code was invalid.");
  if (code?.client_id !== app.client_id || code.redirect_uri !== form.get("redirect_uri")) return refused;
  if (!(await proves(form.get("code_verifier") ?? "", code))) return refused;
  // Looked up again: two exchanges of one code may both have waited for the digest.
  if (!sim.world.codes.has(given) || sim.now() > code.created_at + lifetimes.code_ms) return refused;
  return json(tokenResponse(issue(sim, code, given)));
}

async function proves(verifier: string, code: Code): Promise<boolean> {
  if (code.method === "plain") return verifier === code.challenge;
  return base64url(await sha256(utf8(verifier))) === code.challenge.replace(/=+$/, "");
}

function refresh(sim: Sim, app: App, form: URLSearchParams): Answer {
  const given = form.get("refresh_token") ?? "";
  if (given === "") return missing("refresh_token");
  const refused = oauthError(400, "invalid_request", "Value passed for the token was invalid.");
  const found = sim.world.refresh.get(given);
  if (found?.grant.client_id !== app.client_id || found.grant.revoked_at !== null) return refused;
  const reused = sim.world.settings.reused_refresh_token;
  if (found.used && reused !== "fresh_pair") {
    if (reused === "family_revoked") {
      sim.commit({ type: "grant.revoked", id: found.grant.id, at: sim.now() });
    }
    return refused;
  }
  if (sim.now() > found.expires_at) return refused;
  rotate(sim, found.grant);
  return json(tokenResponse(found.grant));
}

// The app that is calling: by Basic when it has a secret, by `client_id` in the body when it has none.
function clientOf(sim: Sim, call: Call, form: URLSearchParams): App | Answer {
  const unauthorized = oauthError(401, "unauthorized_client", "Missing valid authorization header");
  const header = call.header("authorization");
  if (header === null) {
    const id = form.get("client_id") ?? "";
    if (id === "") return missing("client_id");
    const app = sim.world.apps.get(id);
    if (!app) return oauthError(400, "invalid_client", "Value passed for the client id was invalid.");
    return app.client_secret === null ? app : unauthorized;
  }
  const [, encoded] = /^basic +(.+)$/i.exec(header) ?? [];
  const [id, secret] = basicOf(encoded ?? "");
  const app = sim.world.apps.get(id);
  // A public app has no secret, so nothing can equal it.
  if (app?.client_secret !== secret) return unauthorized;
  const named = form.get("client_id");
  if (named !== null && named !== id) {
    return oauthError(400, "invalid_request", "Value passed for the client id was invalid.");
  }
  return app;
}

function basicOf(encoded: string): [string, string] {
  try {
    const text = atob(encoded.trim());
    const colon = text.indexOf(":");
    // RFC 6749 has both parts form-encoded; plain ids and secrets are the same either way.
    return [decodeURIComponent(text.slice(0, colon)), decodeURIComponent(text.slice(colon + 1))];
  } catch {
    return ["", ""];
  }
}

/**
 * The parameters of a call to the OAuth endpoints. X documents a form; the public library twitter-api-v2 sends
 * JSON and works against X, so X takes that too. Anything else has no parameters.
 */
export function parametersOf(call: Call): URLSearchParams {
  const type = mediaType(call);
  if (type === "application/x-www-form-urlencoded") return new URLSearchParams(call.text());
  const body = type === "application/json" ? jsonBody(call) : null;
  const form = new URLSearchParams();
  if (typeof body !== "object" || body === null) return form;
  for (const [name, value] of Object.entries(body)) if (typeof value === "string") form.set(name, value);
  return form;
}

const missing = (name: string) => oauthError(400, "invalid_request", `Missing required parameter [${name}].`);

function oauthError(status: number, error: string, error_description: string): Answer {
  return json({ error, error_description }, status);
}
