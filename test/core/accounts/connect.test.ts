import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { beginConnect, finishConnect } from "#core/accounts/connect";
import { challengeOf } from "#core/lib/pkce";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import { first } from "#core/store/sql";
import { ada, createConnecting, grant, REDIRECT_URI } from "../../support/connecting.ts";
import { refused } from "../../support/harness.ts";
import { empty } from "../../support/rows.ts";

const RETURN_URL = "https://client.test/done";
const ask = {
  client_id: "cli_01KAB3C4D5V1StGXR8Z5jd0",
  return_url: RETURN_URL,
  scopes: ["tweet.read", "tweet.write"],
  metadata: '{"team":1}',
};

beforeEach(() => empty(env.DB));

type Connecting = Awaited<ReturnType<typeof createConnecting>>;

const begin = async (c: Connecting, of = ask) => new URL(await beginConnect(c.connecting, of));
const finish = async (c: Connecting, url: URL, code: string | null = "code-1") =>
  finishConnect(c.connecting, { state: url.searchParams.get("state") ?? "", code });

describe("beginning to connect", () => {
  test("sends the browser to X with PKCE and a state", async () => {
    const url = await begin(await createConnecting());
    expect(url.origin + url.pathname).toBe("https://x.test/i/oauth2/authorize");
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: "code",
      client_id: "our-app",
      redirect_uri: REDIRECT_URI,
      scope: "tweet.read tweet.write",
      state: expect.stringMatching(/^[0-9A-Za-z]{40}0$/) as string,
      code_challenge: expect.stringMatching(/^[\w-]{43}$/) as string,
      code_challenge_method: "S256",
    });
  });

  test("stores neither the state nor the verifier as they are", async () => {
    const c = await createConnecting();
    const url = await begin(c);
    const row = await env.DB.prepare("SELECT * FROM oauth_states").first<Record<string, string>>();
    expect(row).toMatchObject({ client_id: ask.client_id, return_url: RETURN_URL, metadata: '{"team":1}' });
    expect(JSON.stringify(row)).not.toContain(url.searchParams.get("state"));
    await finish(c, url);
    const { code_verifier } = c.calls[0]?.body as { code_verifier: string };
    expect(JSON.stringify(row)).not.toContain(code_verifier);
  });
});

describe("coming back from X", () => {
  test("changes the code for tokens with the verifier of that challenge, and keeps the account of whose they are", async () => {
    const c = await createConnecting();
    const url = await begin(c);
    const connected = await finish(c, url);
    expect(connected).toMatchObject({ return_url: RETURN_URL, reconnected: false });
    expect(c.calls).toMatchObject([
      { method: "POST", path: "/2/oauth2/token", authorization: `Basic ${btoa("our-app:hush")}` },
      { method: "GET", path: "/2/users/me", authorization: "Bearer access-1" },
    ]);
    const sent = c.calls[0]?.body as Record<string, string>;
    expect(sent).toMatchObject({
      grant_type: "authorization_code",
      code: "code-1",
      redirect_uri: REDIRECT_URI,
    });
    expect(await challengeOf(sent.code_verifier ?? "")).toBe(url.searchParams.get("code_challenge"));

    const id = "account_id" in connected ? connected.account_id : "";
    expect(await first<AccountRow>(accounts.find(env.DB, id))).toMatchObject({
      client_id: ask.client_id,
      x_user_id: "12",
      username: "ada",
      scopes: '["tweet.read","tweet.write","users.read","offline.access"]',
      state: "connected",
      token_version: 1,
      metadata: '{"team":1}',
    });
  });

  test("a second time is a reconnect of the same account", async () => {
    const c = await createConnecting();
    const one = await finish(c, await begin(c));
    const two = await finish(c, await begin(c));
    expect(two).toEqual({ ...one, reconnected: true });
  });

  test("with a state that was used, is unknown, or is older than ten minutes leads nowhere, and X is not asked", async () => {
    const c = await createConnecting();
    const [used, old] = [await begin(c), await begin(c)];
    await finish(c, used);
    c.calls.length = 0;
    expect(await finish(c, used)).toEqual({ return_url: null });
    c.advance(600_000);
    expect(await finish(c, old)).toEqual({ return_url: null });
    expect(await finishConnect(c.connecting, { state: "made-up-0", code: "x" })).toEqual({
      return_url: null,
    });
    expect(await finishConnect(c.connecting, { state: "", code: "x" })).toEqual({ return_url: null });
    expect(c.calls).toEqual([]);
  });

  test("without a code says that the user did not allow it, and uses the state up", async () => {
    const c = await createConnecting();
    const url = await begin(c);
    expect(await finish(c, url, null)).toEqual({ return_url: RETURN_URL, error: "access_denied" });
    expect(await finish(c, url)).toEqual({ return_url: null });
  });

  test("for an X user that another client has is refused, and their account stays as it is", async () => {
    const c = await createConnecting();
    await finish(c, await begin(c));
    const other = await begin(c, { ...ask, client_id: "cli_01KAB3C4D5ZZZZZZZZZZZZ0" });
    expect(await finish(c, other)).toEqual({ return_url: RETURN_URL, error: "account_in_use" });
    const { results } = await env.DB.prepare("SELECT client_id, token_version FROM accounts").all();
    expect(results).toEqual([{ client_id: ask.client_id, token_version: 1 }]);
  });

  const oauthError = (status: number, error: string) => () => Response.json({ error }, { status });
  test.each([
    ["X refuses the code", oauthError(400, "invalid_grant"), "x_unauthorized"],
    ["X refuses our app", oauthError(401, "invalid_client"), "app_refused"],
    ["X is down", () => refused(503, "over capacity"), "x_unavailable"],
    ["X has had enough", () => refused(429, "Too Many Requests"), "x_unavailable"],
  ])("says why it failed when %s", async (_, token, error) => {
    const c = await createConnecting();
    c.answer(token);
    expect(await finish(c, await begin(c))).toEqual({ return_url: RETURN_URL, error });
  });

  test("asks twice whose the tokens are, for a code works once", async () => {
    const c = await createConnecting();
    let asked = 0;
    c.answer(({ path }) => {
      if (path === "/2/oauth2/token") return grant();
      return ++asked === 1 ? refused(503, "over capacity") : ada();
    });
    expect(await finish(c, await begin(c))).toMatchObject({ reconnected: false });
    c.answer(({ path }) => (path === "/2/oauth2/token" ? grant() : refused(503, "over capacity")));
    expect(await finish(c, await begin(c))).toEqual({ return_url: RETURN_URL, error: "x_unavailable" });
  });
});
