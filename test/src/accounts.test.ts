import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { mistakes, openDoor, RETURN_URL, type Door } from "../support/door.ts";

const connect = (door: Door, key: string, body: unknown) =>
  door.call("POST", "/v1/accounts/connect", { key, body });

describe("POST /v1/accounts/connect", () => {
  test("says where to send the user", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const { status, body } = await connect(door, key, { return_url: RETURN_URL });
    expect(status).toBe(200);
    const url = new URL(body.authorize_url);
    expect(url.origin + url.pathname).toBe("https://x.test/i/oauth2/authorize");
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: "code",
      client_id: "x-app",
      redirect_uri: "https://proxy.test/oauth/callback",
      scope: "tweet.read tweet.write users.read media.write offline.access",
      state: expect.stringMatching(/^[0-9A-Za-z]{41}$/) as string,
      code_challenge: expect.stringMatching(/^[\w-]{43}$/) as string,
      code_challenge_method: "S256",
    });
  });

  test("asks for the scopes that the client wants", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const scopes = ["tweet.read", "users.read", "like.write"];
    const { body } = await connect(door, key, { return_url: RETURN_URL, scopes });
    expect(new URL(body.authorize_url).searchParams.get("scope")).toBe(scopes.join(" "));
  });

  test("comes back to its own address where none is set", async () => {
    const door = await openDoor({ PUBLIC_URL: "" });
    const { key } = await door.client();
    const { body } = await connect(door, key, { return_url: RETURN_URL });
    expect(body.authorize_url).toContain(encodeURIComponent("https://proxy.test/oauth/callback"));
  });

  test.each([
    "https://client.test/connected",
    "https://client.test/connected?tenant=8",
    "https://client.test/connected?tenant=7&more=1",
    "https://client.test/connected?tenant=7#",
    "https://client.test/connected/?tenant=7",
    "https://CLIENT.test/connected?tenant=7",
    "http://client.test/connected?tenant=7",
    "https://client.test:443/connected?tenant=7",
    "https://client.test.evil.test/connected?tenant=7",
    "https://client.test@evil.test/connected?tenant=7",
  ])("refuses %s, which is not exactly what is registered", async (return_url) => {
    const door = await openDoor();
    const { key } = await door.client();
    const { status, body } = await connect(door, key, { return_url });
    expect(status).toBe(422);
    expect(mistakes(body)).toEqual(["/return_url not_registered"]);
  });

  test("refuses another client's return URL", async () => {
    const door = await openDoor();
    await door.client({ return_urls: ["https://theirs.test/"] });
    const { key } = await door.client();
    expect((await connect(door, key, { return_url: "https://theirs.test/" })).status).toBe(422);
  });

  test.each<[Record<string, unknown>, string]>([
    [{ return_url: undefined }, "/return_url required"],
    [{ return_url: "nowhere" }, "/return_url invalid_format"],
    [{ return_url: 7 }, "/return_url invalid_type"],
    [{ app_id: "app_1" }, "/app_id unknown_field"],
    [{ redirect_uri: "https://evil.test/" }, "/redirect_uri unknown_field"],
    [{ state: "mine" }, "/state unknown_field"],
    [{ scopes: [] }, "/scopes invalid,/scopes too_small"],
    [{ scopes: ["tweet.read users.read"] }, "/scopes invalid,/scopes/0 invalid_format"],
    [{ scopes: ["tweet.read", "users.read", "&admin=1"] }, "/scopes/2 invalid_format"],
    [{ scopes: ["tweet.write", "users.read"] }, "/scopes invalid"],
    [{ metadata: { m: "x".repeat(3000) } }, "/metadata invalid"],
    [{ metadata: { a: Array.from({ length: 300_000 }, () => 0) } }, "/metadata invalid"],
  ])("refuses %o: %s", async (wrong, mistake) => {
    const door = await openDoor();
    const { key } = await door.client();
    const { status, body } = await connect(door, key, { return_url: RETURN_URL, ...wrong });
    expect(status).toBe(422);
    expect(mistakes(body).sort().join()).toBe(mistake.split(",").sort().join());
  });

  test("stores neither the state nor the verifier in the clear", async () => {
    const door = await openDoor();
    const { id, key } = await door.client();
    const { body } = await connect(door, key, { return_url: RETURN_URL, metadata: { a: 1 } });
    const state = new URL(body.authorize_url).searchParams.get("state") ?? "none";
    const row = await env.DB.prepare("SELECT * FROM oauth_states WHERE client_id = ?").bind(id).first();
    expect(row).toMatchObject({
      return_url: RETURN_URL,
      metadata: '{"a":1}',
      expires_at: door.now() + 600_000,
    });
    expect(JSON.stringify(row)).not.toContain(state);
    expect(row?.verifier).toMatch(/^test\.[\w-]{16}\.[\w-]+$/);
  });

  test.each([
    ["X_CLIENT_ID", { X_CLIENT_ID: "" }],
    ["TOKEN_KEYS", { TOKEN_KEYS: "" }],
    ["TOKEN_KEYS", { TOKEN_KEYS: "hunter2-hunter2" }],
    ["TOKEN_KEYS", { TOKEN_KEYS: "a:hunter2" }],
  ] as const)("is not available while %s is missing or wrong, and says so", async (name, settings) => {
    const door = await openDoor(settings);
    const { key } = await door.client();
    const { status, body } = await connect(door, key, { return_url: RETURN_URL });
    expect(status).toBe(503);
    expect(body.detail).toContain(name);
    expect(JSON.stringify([body, door.log])).not.toContain("hunter2");
    expect((await door.call("GET", "/oauth/callback?state=abc0&code=c")).status).toBe(503);
  });
});

describe("GET /v1/accounts/{id}", () => {
  test("shows the account and no token", async () => {
    const door = await openDoor();
    const { key, account_id } = await door.tenant({ shard: "1" });
    const { status, body } = await door.call("GET", `/v1/accounts/${account_id}`, { key });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: account_id,
      username: "someone",
      app_id: "app_default",
      state: "connected",
      scopes: ["tweet.write"],
      token_expires_at: "2026-11-23T14:00:00.000Z",
      metadata: null,
    });
    expect(body).not.toHaveProperty("token");
  });

  test.each([
    "acc_01KAB3C4D5V1StGXR8Z5jd0",
    "acc_01KAB3C4D5V1StGXR8Z5jdz",
    "acc_1",
    "job_01KAB3C4D5V1StGXR8Z5jd0",
    "%00",
  ])("%s is not found", async (id) => {
    const door = await openDoor();
    const { key } = await door.client();
    expect((await door.call("GET", `/v1/accounts/${id}`, { key })).status).toBe(404);
  });
});

describe("GET /v1/accounts", () => {
  test.each([1, 2, 3, 7, 100])("by pages of %i shows every account of both databases once", async (limit) => {
    const door = await openDoor();
    const { id, key } = await door.client();
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) {
      ids.push(await door.account(id, { shard: i % 2 === 0 ? "0" : "1" }));
      door.advance(1000);
    }
    await door.tenant();
    const seen: string[] = [];
    for (let cursor = ""; ;) {
      const { body } = await door.call("GET", `/v1/accounts?limit=${limit}${cursor}`, { key });
      seen.push(...body.data.map((account) => account.id));
      if (!body.has_more) break;
      cursor = `&cursor=${body.next_cursor as string}`;
    }
    expect(seen).toEqual(ids);
  });

  test("with a key for one of many accounts comes to an end", async () => {
    const door = await openDoor();
    const { id } = await door.client();
    for (let i = 0; i < 5; i++) {
      await door.account(id);
      door.advance(1000);
    }
    const last = await door.account(id);
    const key = await door.key(id, { account_ids: [last] });
    const seen: string[] = [];
    let pages = 0;
    for (let cursor = ""; pages < 10; pages++) {
      const { body } = await door.call("GET", `/v1/accounts?limit=2${cursor}`, { key });
      seen.push(...body.data.map((account) => account.id));
      if (!body.has_more) break;
      cursor = `&cursor=${body.next_cursor as string}`;
    }
    expect(seen).toEqual([last]);
    expect(pages).toBeLessThan(10);
  });

  test.each(["limit=0", "limit=101", "cursor=job_01KAB3C4D5V1StGXR8Z5jd0", "state=connected"])(
    "refuses %s",
    async (query) => {
      const door = await openDoor();
      const { key } = await door.client();
      expect((await door.call("GET", `/v1/accounts?${query}`, { key })).status).toBe(400);
    },
  );
});
