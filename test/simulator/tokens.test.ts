import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ask, callback, everything, newX } from "./support.ts";

type X = ReturnType<typeof newX>;
type Tokens = { access_token: string; refresh_token?: string };
const verifier = "v".repeat(43);
const challenge = createHash("sha256").update(verifier).digest("base64url");
const basic = (id: string, secret: string) => ({ authorization: `Basic ${btoa(`${id}:${secret}`)}` });

async function codeFor({ x, user }: X, change: Record<string, string> = {}) {
  const query = new URLSearchParams({
    response_type: "code",
    client_id: "open",
    redirect_uri: callback,
    scope: everything.join(" "),
    state: "s",
    code_challenge: challenge,
    code_challenge_method: "S256",
    ...change,
  });
  const form = { user_id: user.id, decision: "authorize" };
  const reply = await ask(x, "POST", `/i/oauth2/authorize?${query.toString()}`, { form });
  return new URL(reply.headers.get("location") ?? "").searchParams.get("code") ?? "";
}

const exchange = (at: X, code: string, change: Record<string, string> = {}) =>
  ask(at.x, "POST", "/2/oauth2/token", {
    form: {
      grant_type: "authorization_code",
      client_id: "open",
      code,
      redirect_uri: callback,
      code_verifier: verifier,
      ...change,
    },
  });

const refresh = (at: X, refresh_token = "", change: Record<string, string> = {}) =>
  ask(at.x, "POST", "/2/oauth2/token", {
    form: { grant_type: "refresh_token", client_id: "open", refresh_token, ...change },
  });

const refusedCode = {
  error: "invalid_request",
  error_description: "Value passed for the authorization code was invalid.",
};
const refusedToken = {
  error: "invalid_request",
  error_description: "Value passed for the token was invalid.",
};

describe("a code", () => {
  test("it buys tokens once, within 30 seconds", async () => {
    const at = newX();
    const code = await codeFor(at);
    at.clock.now += 30_000;
    const reply = await exchange(at, code);
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({ token_type: "bearer", expires_in: 7200, scope: everything.join(" ") });
    expect((await at.send("GET", "/2/users/me", { token: (reply.body as Tokens).access_token })).status).toBe(
      200,
    );
    expect(await exchange(at, code)).toMatchObject({ status: 400, body: refusedCode });
  });

  test("it is worth nothing after 30 seconds", async () => {
    const at = newX();
    const code = await codeFor(at);
    at.clock.now += 30_001;
    expect(await exchange(at, code)).toMatchObject({ status: 400, body: refusedCode });
  });

  test("two exchanges at once buy one pair", async () => {
    const at = newX();
    const code = await codeFor(at);
    const replies = await Promise.all([exchange(at, code), exchange(at, code)]);
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 400]);
  });

  test.each([
    ["the verifier", { code_verifier: "w".repeat(43) }],
    ["the callback", { redirect_uri: `${callback}2` }],
    ["the code", { code: "nonsense" }],
  ])("%s must be right", async (_, change) => {
    const at = newX();
    expect(await exchange(at, await codeFor(at), change)).toMatchObject({ status: 400, body: refusedCode });
  });

  test.each(["code", "redirect_uri", "code_verifier", "client_id", "grant_type"])(
    "%s must be given",
    async (name) => {
      const at = newX();
      expect(await exchange(at, await codeFor(at), { [name]: "" })).toMatchObject({
        status: 400,
        body: { error: "invalid_request", error_description: `Missing required parameter [${name}].` },
      });
    },
  );

  test("a plain challenge is its own verifier", async () => {
    const at = newX();
    const code = await codeFor(at, { code_challenge: verifier, code_challenge_method: "plain" });
    expect((await exchange(at, code)).status).toBe(200);
  });

  test("without offline.access there is no refresh token", async () => {
    const at = newX();
    const reply = await exchange(at, await codeFor(at, { scope: "tweet.read users.read" }));
    expect(reply.body).not.toHaveProperty("refresh_token");
  });
});

describe("who is asking", () => {
  test("a confidential app shows its secret by Basic", async () => {
    const at = newX();
    const code = await codeFor(at, { client_id: "secretive" });
    const form = { grant_type: "authorization_code", code, redirect_uri: callback, code_verifier: verifier };
    const send = (headers: Record<string, string>, more = {}) =>
      ask(at.x, "POST", "/2/oauth2/token", { form: { ...form, ...more }, headers });
    const refused = { error: "unauthorized_client", error_description: "Missing valid authorization header" };
    expect(await send({}, { client_id: "secretive" })).toMatchObject({ status: 401, body: refused });
    expect(await send(basic("secretive", "wrong"))).toMatchObject({ status: 401, body: refused });
    expect(await send({ authorization: "Basic %%%" })).toMatchObject({ status: 401, body: refused });
    expect(await send(basic("secretive", "hush"), { client_id: "open" })).toMatchObject({ status: 400 });
    expect((await send(basic("secretive", "hush"))).status).toBe(200);
  });

  test("an unknown app is an invalid client", async () => {
    const at = newX();
    expect(await refresh(at, "x", { client_id: "nobody" })).toMatchObject({
      body: { error: "invalid_client" },
    });
  });

  test("another app's token is not refreshed", async () => {
    const at = newX();
    at.x.createApp({ client_id: "third", redirect_uris: [] });
    expect(await refresh(at, at.tokens.refresh_token, { client_id: "third" })).toMatchObject({
      body: refusedToken,
    });
  });

  test("other grant types are not supported", async () => {
    const at = newX();
    const reply = await refresh(at, "x", { grant_type: "client_credentials" });
    expect(reply).toMatchObject({ status: 400, body: { error: "unsupported_grant_type" } });
  });
});

describe("a refresh", () => {
  test("it gives a new pair and ends the old access token", async () => {
    const at = newX();
    const reply = await refresh(at, at.tokens.refresh_token);
    expect(reply.status).toBe(200);
    const fresh = reply.body as Tokens;
    expect((await at.send("GET", "/2/users/me")).status).toBe(401);
    expect((await at.send("GET", "/2/users/me", { token: fresh.access_token })).status).toBe(200);
    expect((await refresh(at, fresh.refresh_token)).status).toBe(200);
  });

  test("by setting, the old access token lives on", async () => {
    const at = newX();
    at.x.setSettings({ old_access_token_dies_on_refresh: false });
    await refresh(at, at.tokens.refresh_token);
    expect((await at.send("GET", "/2/users/me")).status).toBe(200);
  });

  test("using a refresh token twice ends the whole family", async () => {
    const at = newX();
    const fresh = (await refresh(at, at.tokens.refresh_token)).body as Tokens;
    expect(await refresh(at, at.tokens.refresh_token)).toMatchObject({ status: 400, body: refusedToken });
    expect((await at.send("GET", "/2/users/me", { token: fresh.access_token })).status).toBe(401);
    expect(await refresh(at, fresh.refresh_token)).toMatchObject({ status: 400, body: refusedToken });
    expect(at.x.grants()).toMatchObject([{ refreshes: 1, revoked: true }]);
  });

  test("by setting, a reuse is refused and nothing more", async () => {
    const at = newX();
    at.x.setSettings({ reused_refresh_token: "refused" });
    const fresh = (await refresh(at, at.tokens.refresh_token)).body as Tokens;
    expect((await refresh(at, at.tokens.refresh_token)).status).toBe(400);
    expect((await refresh(at, fresh.refresh_token)).status).toBe(200);
  });

  test("by setting, a reuse is answered by a fresh pair, and the pair of before has ended", async () => {
    const at = newX();
    at.x.setSettings({ reused_refresh_token: "fresh_pair" });
    const lost = (await refresh(at, at.tokens.refresh_token)).body as Tokens;
    at.clock.now += 1_000;
    const again = await refresh(at, at.tokens.refresh_token);
    expect(again.status).toBe(200);
    const fresh = again.body as Tokens;
    expect((await at.send("GET", "/2/users/me", { token: lost.access_token })).status).toBe(401);
    expect((await at.send("GET", "/2/users/me", { token: fresh.access_token })).status).toBe(200);
    expect(at.x.grants()).toMatchObject([{ refreshes: 2, last_refreshed_at: at.clock.now, revoked: false }]);
  });

  test("by setting, a revoked grant and a token of 180 days ago get no fresh pair", async () => {
    const at = newX();
    at.x.setSettings({ reused_refresh_token: "fresh_pair" });
    const fresh = (await refresh(at, at.tokens.refresh_token)).body as Tokens;
    at.clock.now += 180 * 86_400_000 + 1;
    expect((await refresh(at, at.tokens.refresh_token)).status).toBe(400);
    at.x.revokeGrant(at.tokens.grant_id);
    expect((await refresh(at, fresh.refresh_token)).status).toBe(400);
  });

  test.each(["", "nonsense"])("the token %j is refused", async (token) => {
    expect((await refresh(newX(), token)).status).toBe(400);
  });
});

describe("revoking", () => {
  const revoke = (at: X, token: string) =>
    ask(at.x, "POST", "/2/oauth2/revoke", { form: { token, client_id: "open" } });

  test("a refresh token ends the grant", async () => {
    const at = newX();
    expect(await revoke(at, at.tokens.refresh_token ?? "")).toMatchObject({
      status: 200,
      body: { revoked: true },
    });
    expect((await at.send("GET", "/2/users/me")).status).toBe(401);
    expect(at.x.grants()).toMatchObject([{ revoked: true }]);
  });

  test("an access token ends itself only", async () => {
    const at = newX();
    await revoke(at, at.token);
    expect((await at.send("GET", "/2/users/me")).status).toBe(401);
    expect((await refresh(at, at.tokens.refresh_token)).status).toBe(200);
  });

  test("an unknown token is no error, a missing one is", async () => {
    const at = newX();
    expect((await revoke(at, "nonsense")).status).toBe(200);
    expect((await revoke(at, "")).status).toBe(400);
  });
});

test("parameters are taken from JSON too, as a public library sends them", async () => {
  const at = newX();
  const body = { grant_type: "refresh_token", client_id: "open", refresh_token: at.tokens.refresh_token };
  expect((await ask(at.x, "POST", "/2/oauth2/token", { body })).status).toBe(200);
  const headers = { "content-type": "text/plain" };
  expect(await ask(at.x, "POST", "/2/oauth2/token", { body, headers })).toMatchObject({ status: 400 });
});
