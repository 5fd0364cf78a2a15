import { describe, expect, test } from "vitest";
import type { Fetch } from "#core/x/client";
import { authorizeUrl, exchangeCode, type OAuthApp, refresh, revoke } from "#core/x/oauth";

const SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA";
const OLD_TOKEN = "b2xkLXJlZnJlc2gtdG9rZW4tb2xkLXJlZnJlc2gtdG9rZW4";

type Sent = { url: string; headers: Headers; form: Record<string, string> };

function network(respond: () => Response | Promise<Response>) {
  const sent: Sent[] = [];
  const fetch: Fetch = async (url, init) => {
    const request = new Request(url, init);
    const form = Object.fromEntries(await request.formData()) as Record<string, string>;
    sent.push({ url: request.url, headers: request.headers, form });
    return respond();
  };
  return { sent, fetch };
}

const app = (fetch: Fetch, clientSecret: string | null = SECRET): OAuthApp => ({
  fetch,
  baseUrl: "https://x.test",
  clientId: "client-1",
  clientSecret,
  now: () => 0,
});

const GIVEN = {
  token_type: "bearer",
  expires_in: 7200,
  access_token: "new-access",
  scope: "users.read tweet.read offline.access",
  refresh_token: "new-refresh",
};
const TOKENS = {
  access_token: "new-access",
  refresh_token: "new-refresh",
  expires_in_s: 7200,
  scopes: ["users.read", "tweet.read", "offline.access"],
};

test("the authorize URL has all of RFC 7636 and spaces as %20", () => {
  const url = authorizeUrl({
    authorizeUrl: "https://x.com/i/oauth2/authorize",
    clientId: "client-1",
    redirectUri: "https://proxy.test/callback?a=b+c",
    scopes: ["tweet.read", "offline.access"],
    state: "s1",
    challenge: "c1",
  });
  expect(url).toBe(
    "https://x.com/i/oauth2/authorize?response_type=code&client_id=client-1" +
      "&redirect_uri=https%3A%2F%2Fproxy.test%2Fcallback%3Fa%3Db%2Bc&scope=tweet.read%20offline.access" +
      "&state=s1&code_challenge=c1&code_challenge_method=S256",
  );
});

describe("what is sent", () => {
  test("a code with its verifier, by a confidential app: Basic and client_id", async () => {
    const { sent, fetch } = network(() => Response.json(GIVEN));
    const grant = { code: "code-1", redirectUri: "https://proxy.test/cb", verifier: "v1" };
    expect(await exchangeCode(app(fetch, `${SECRET}\n`), grant)).toEqual({ ok: true, tokens: TOKENS });
    expect(sent[0]?.url).toBe("https://x.test/2/oauth2/token");
    expect(sent[0]?.headers.get("authorization")).toBe(`Basic ${btoa(`client-1:${SECRET}`)}`);
    expect(sent[0]?.headers.get("content-type")).toBe("application/x-www-form-urlencoded");
    expect(sent[0]?.form).toEqual({
      grant_type: "authorization_code",
      code: "code-1",
      redirect_uri: "https://proxy.test/cb",
      code_verifier: "v1",
      client_id: "client-1",
    });
  });

  test("a refresh token, by a public app: client_id alone", async () => {
    const { sent, fetch } = network(() => Response.json(GIVEN));
    expect(await refresh(app(fetch, null), OLD_TOKEN)).toEqual({ ok: true, tokens: TOKENS });
    expect(sent[0]?.headers.get("authorization")).toBeNull();
    expect(sent[0]?.form).toEqual({
      grant_type: "refresh_token",
      refresh_token: OLD_TOKEN,
      client_id: "client-1",
    });
  });

  test("a token to revoke", async () => {
    const { sent, fetch } = network(() => Response.json({ revoked: true }));
    expect(await revoke(app(fetch), OLD_TOKEN)).toEqual({ ok: true });
    expect(sent[0]).toMatchObject({
      url: "https://x.test/2/oauth2/revoke",
      form: { token: OLD_TOKEN, client_id: "client-1" },
    });
  });
});

describe("tokens that came are never thrown away for a detail", () => {
  test.each([
    ["no refresh token", { refresh_token: undefined }, { refresh_token: null }],
    ["no lifetime: X's documented one", { expires_in: undefined }, { expires_in_s: 7200 }],
    ["a lifetime as text", { expires_in: "3600" }, { expires_in_s: 3600 }],
    ["a lifetime of nothing: the documented one", { expires_in: 0 }, { expires_in_s: 7200 }],
    ["a lifetime that has passed: the documented one", { expires_in: -5 }, { expires_in_s: 7200 }],
    ["a lifetime that is no number: the documented one", { expires_in: "soon" }, { expires_in_s: 7200 }],
    ["a lifetime too short to be refreshed: a minute", { expires_in: 0.001 }, { expires_in_s: 60 }],
    ["a lifetime past all dates: a month", { expires_in: 1e300 }, { expires_in_s: 2_592_000 }],
    ["an endless lifetime: a month", { expires_in: "Infinity" }, { expires_in_s: 2_592_000 }],
    ["no scope: as asked", { scope: undefined }, { scopes: [] }],
    [
      "what is no scope: left out",
      { scope: `tweet.read ${OLD_TOKEN} TWEET a.b` },
      { scopes: ["tweet.read", "a.b"] },
    ],
  ])("%s", async (_, change, expected) => {
    const { fetch } = network(() => Response.json({ ...GIVEN, ...change }));
    expect(await refresh(app(fetch), OLD_TOKEN)).toEqual({ ok: true, tokens: { ...TOKENS, ...expected } });
  });
});

const oauth = (error: string, error_description?: string) => ({ error, error_description });

describe("a refusal is sorted by whose fault it is", () => {
  test.each<[string, number, unknown, string, string]>([
    [
      "a used refresh token",
      400,
      oauth("invalid_request", "Value passed for the token was invalid."),
      "grant_dead",
      "x_unauthorized",
    ],
    [
      "an expired code",
      400,
      {
        ...oauth("invalid_request", "Value passed for the authorization code was invalid."),
        errors: [{ message: "Bad." }],
      },
      "grant_dead",
      "x_unauthorized",
    ],
    ["the RFC's name for it", 400, oauth("invalid_grant"), "grant_dead", "x_unauthorized"],
    [
      "a missing parameter",
      400,
      oauth("invalid_request", "Missing required parameter [client_id]."),
      "bad_request",
      "x_invalid_request",
    ],
    ["an unknown grant type", 400, oauth("unsupported_grant_type"), "bad_request", "x_invalid_request"],
    ["an unknown client", 400, oauth("invalid_client"), "app_fault", "app_refused"],
    ["an unknown client, 401", 401, oauth("invalid_client"), "app_fault", "app_refused"],
    [
      "a wrong secret",
      401,
      oauth("unauthorized_client", "Missing valid authorization header"),
      "app_fault",
      "app_refused",
    ],
    ["an incident's 401", 401, { title: "Unauthorized", type: "about:blank" }, "app_fault", "app_refused"],
    ["an app X forbids", 403, { title: "Client Forbidden" }, "app_fault", "app_refused"],
    ["too many", 429, { title: "Too Many Requests" }, "rate_limited", "x_rate_limited"],
    ["X's fault", 503, { title: "Service Unavailable" }, "unclear", "x_unavailable"],
    ["X's timeout", 408, "", "unclear", "x_unavailable"],
    ["a 400 that cannot be read", 400, "<html>", "unclear", "x_unexpected"],
    ["a missing route", 404, "", "unclear", "x_unexpected"],
    ["a redirect", 302, "", "unclear", "x_unexpected"],
    ["a 200 in HTML", 200, "<html>", "unclear", "x_unexpected"],
    ["a 200 without tokens", 200, { token_type: "bearer" }, "unclear", "x_unexpected"],
  ])("%s", async (_, status, body, reason, code) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const { fetch } = network(() => new Response(text, { status }));
    const result = await refresh(app(fetch), OLD_TOKEN);
    expect(result).toMatchObject({ ok: false, reason, problem: { code } });
  });

  test("a broken connection is unclear", async () => {
    const { fetch } = network(() => Promise.reject(new Error("reset")));
    expect(await refresh(app(fetch), OLD_TOKEN)).toMatchObject({
      reason: "unclear",
      problem: { code: "x_unreachable" },
    });
  });

  test("a revocation can fail the same way", async () => {
    const { fetch } = network(() => Response.json(oauth("unauthorized_client"), { status: 401 }));
    expect(await revoke(app(fetch), OLD_TOKEN)).toMatchObject({ ok: false, reason: "app_fault" });
  });
});

test.each([
  ["half an answer", 200, '{"access_token":"new-acc', "new-acc"],
  ["a repeated token", 400, `the token ${OLD_TOKEN} is bad`, OLD_TOKEN],
  ["a repeated secret", 401, `Basic ${btoa(`client-1:${SECRET}`)} is bad`, btoa(`client-1:${SECRET}`)],
])("%s does not reach the problem", async (_, status, text, secret) => {
  const { fetch } = network(() => new Response(text, { status }));
  const result = await refresh(app(fetch), OLD_TOKEN);
  expect(JSON.stringify(result)).not.toContain(secret);
});

test("a secret that does not look like one does not reach the problem either, in whatever form X repeats it", async () => {
  const [code, verifier, secret] = ["code.of~18/chars!", "verifier.of~21/chars!", "pass phrase & more!"];
  const forms = (one: string) => [one, encodeURIComponent(one), btoa(one), one.slice(0, 12)];
  for (const said of [code, verifier, secret].flatMap(forms)) {
    const { fetch } = network(() =>
      Response.json({ error: "invalid_grant", error_description: `No ${said}.` }, { status: 400 }),
    );
    const result = await exchangeCode(app(fetch, secret), {
      code,
      verifier,
      redirectUri: "https://proxy.test/",
    });
    expect(result).toMatchObject({ ok: false, reason: "grant_dead" });
    expect(JSON.stringify(result)).not.toContain(said.slice(0, 12));
  }
});
