import { Problem, type ProblemCode } from "#core/lib/problem";
import type { Answer, Received } from "./answer.ts";
import type { Rate } from "./headers.ts";
import { type Fetch, type Limits, send } from "./client.ts";
import { readWords, upstreamOf } from "./words.ts";

/** The X app that asks. `clientSecret` is null for public apps (native, single page). */
export type OAuthApp = Limits & {
  fetch: Fetch;
  baseUrl: string;
  clientId: string;
  clientSecret: string | null;
  userAgent?: string | undefined;
};

/** How X's scopes are spelled. What is spelled otherwise is none, and is not kept. */
export const SCOPE = /^[a-z]+(\.[a-z]+)+$/;

/** `scopes` is empty when X did not name them: then they are the ones asked for (RFC 6749, section 5.1). */
export type Tokens = {
  access_token: string;
  refresh_token: string | null;
  expires_in_s: number;
  scopes: string[];
};

/**
 * `grant_dead`: this code or refresh token will never work again. `app_fault`: X refused the app, not the user.
 * `unclear`: X may or may not have used the grant up. `rate_limited`: not now. `bad_request`: a fault of ours.
 */
export type OAuthFailure = {
  ok: false;
  reason: "grant_dead" | "app_fault" | "unclear" | "rate_limited" | "bad_request";
  /** When X may be asked again, in epoch ms, if it said so. */
  until: number | null;
  problem: Problem;
};

export type TokenResult = { ok: true; tokens: Tokens } | OAuthFailure;

/** Where to send the user's browser. `challenge` is S256 of the verifier; X wants spaces as %20, not "+". */
export function authorizeUrl(ask: {
  authorizeUrl: string;
  clientId: string;
  redirectUri: string;
  scopes: readonly string[];
  state: string;
  challenge: string;
}): string {
  const query = new URLSearchParams({
    response_type: "code",
    client_id: ask.clientId,
    redirect_uri: ask.redirectUri,
    scope: ask.scopes.join(" "),
    state: ask.state,
    code_challenge: ask.challenge,
    code_challenge_method: "S256",
  });
  return `${ask.authorizeUrl}?${query.toString().replaceAll("+", "%20")}`;
}

/** Change the code of the callback, valid for 30 s, for tokens. */
export const exchangeCode = (
  app: OAuthApp,
  grant: { code: string; redirectUri: string; verifier: string },
): Promise<TokenResult> =>
  askForTokens(
    app,
    {
      grant_type: "authorization_code",
      code: grant.code,
      redirect_uri: grant.redirectUri,
      code_verifier: grant.verifier,
    },
    [grant.code, grant.verifier],
  );

/** Change a refresh token, good for one use, for a new pair. */
export const refresh = (app: OAuthApp, refreshToken: string): Promise<TokenResult> =>
  askForTokens(app, { grant_type: "refresh_token", refresh_token: refreshToken }, [refreshToken]);

/** Make a token useless. Any 2xx is a yes. */
export async function revoke(app: OAuthApp, token: string): Promise<{ ok: true } | OAuthFailure> {
  const answer = await post(app, "/2/oauth2/revoke", { token }, [token]);
  return isSuccess(answer) ? { ok: true } : failure(answer, app.now());
}

async function askForTokens(
  app: OAuthApp,
  grant: Record<string, string>,
  secrets: string[],
): Promise<TokenResult> {
  const answer = await post(app, "/2/oauth2/token", grant, secrets);
  const tokens = isSuccess(answer) ? readTokens(answer.json) : null;
  return tokens ? { ok: true, tokens } : failure(answer, app.now());
}

/** `client_id` stands in the body beside Basic: confidential apps do not need it, yet X was seen to miss it. */
function post(app: OAuthApp, path: string, form: Record<string, string>, secrets: string[]): Promise<Answer> {
  const clientId = app.clientId.trim();
  const clientSecret = app.clientSecret?.trim() ?? null;
  const credentials = clientSecret === null ? null : basic(clientId, clientSecret);
  const headers = {
    accept: "application/json",
    "content-type": "application/x-www-form-urlencoded",
    ...(credentials !== null && { authorization: `Basic ${credentials}` }),
    ...(app.userAgent !== undefined && { "user-agent": app.userAgent }),
  };
  const body = new URLSearchParams({ ...form, client_id: clientId }).toString();
  const asking = {
    method: "POST",
    headers,
    body,
    secrets: [...secrets, clientSecret, credentials].filter((secret) => secret !== null),
  };
  return send(app.fetch, app.baseUrl.replace(/\/$/, "") + path, asking, app);
}

/** RFC 6749, section 2.3.1. */
const basic = (id: string, secret: string) => btoa(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`);

/** X's documented lifetime of an access token, for the day it is not named. */
const LIFETIME_S = 7200;
/** A shorter life would have us refresh without end; one that X means is found out by a 401. */
const SHORTEST_LIFETIME_S = 60;
/** A longer one is only refreshed earlier than it must. */
const LONGEST_LIFETIME_S = 30 * 86_400;

/** Only the access token is needed: a pair that came must never be thrown away for a detail beside it. */
function readTokens(json: unknown): Tokens | null {
  if (typeof json !== "object" || json === null) return null;
  const { access_token, refresh_token, expires_in, scope } = json as Record<string, unknown>;
  if (typeof access_token !== "string" || access_token === "") return null;
  return {
    access_token,
    refresh_token: typeof refresh_token === "string" && refresh_token !== "" ? refresh_token : null,
    expires_in_s: lifetimeOf(expires_in),
    scopes: typeof scope === "string" ? scope.split(/\s+/).filter((one) => SCOPE.test(one)) : [],
  };
}

/** Seconds, within reason: the answer is X's to give and ours to survive. */
function lifetimeOf(expires_in: unknown): number {
  const given = Number(expires_in);
  if (!(given > 0)) return LIFETIME_S;
  return Math.min(LONGEST_LIFETIME_S, Math.max(SHORTEST_LIFETIME_S, given));
}

const isSuccess = (answer: Answer): answer is Received =>
  "status" in answer && answer.status >= 200 && answer.status < 300;

function failure(answer: Answer, now: number): OAuthFailure {
  if ("unreachable" in answer) return no("unclear", "x_unreachable");
  const { status } = answer;
  const { error, detail } = readWords(answer);
  // A 2xx without tokens is not quoted: half of it may be tokens.
  const upstream = upstreamOf(isSuccess(answer) ? { ...answer, json: undefined, text: "" } : answer);
  if (status < 400) return no("unclear", "x_unexpected", upstream);
  if (status === 429)
    return { ...no("rate_limited", "x_rate_limited", upstream), until: opensAt(answer.rate, now) };
  if (status >= 500 || status === 408 || status === 425) return no("unclear", "x_unavailable", upstream);
  if (error === "invalid_client" || error === "unauthorized_client") {
    return no("app_fault", "app_refused", upstream);
  }
  if (error === "invalid_grant" || (error === "invalid_request" && isDead(detail))) {
    return no("grant_dead", "x_unauthorized", upstream);
  }
  // Without an OAuth error: X's incidents answered 401 to everyone, and that must not cost a user the grant.
  if (status === 401 || status === 402 || status === 403) return no("app_fault", "app_refused", upstream);
  return error === null
    ? no("unclear", "x_unexpected", upstream)
    : no("bad_request", "x_invalid_request", upstream);
}

/** X says `invalid_request` where RFC 6749 has `invalid_grant`; only the sentence tells. */
const isDead = (detail: string | null) =>
  /value passed for the (token|authorization code) was invalid/i.test(detail ?? "");

const no = (
  reason: OAuthFailure["reason"],
  code: ProblemCode,
  upstream?: ReturnType<typeof upstreamOf>,
): OAuthFailure => ({ ok: false, reason, until: null, problem: new Problem(code, upstream && { upstream }) });

/** The reset of the window, or what Retry-After asks; null when neither is to come. */
function opensAt({ window, retry_after_s }: Rate, now: number): number | null {
  if (window !== null && window.resets_at > now) return window.resets_at;
  return retry_after_s === null ? null : now + retry_after_s * 1000;
}
