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
    [{ app_id: "app_1" }, "/app_id invalid"],
    [{ app_id: 7 }, "/app_id invalid_type"],
    [{ app_id: "acc_01KAB3C4D5V1StGXR8Z5jd0" }, "/app_id invalid"],
    [{ app_id: "app_01KAB3C4D5V1StGXR8Z5jd0" }, "/app_id not_found"],
    [{ app_id: "app_01KAB3C4D5V1StGXR8Z5jd1" }, "/app_id not_found"],
    [{ app_id: "app_01KAB3C4D5V1StGXR8Z5jdz" }, "/app_id not_found"],
    [
      { return_url: "https://evil.test/", app_id: "app_01KAB3C4D5V1StGXR8Z5jd0" },
      "/return_url not_registered,/app_id not_found",
    ],
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

  test("is not available while there is no X app, and says so", async () => {
    const door = await openDoor({ X_CLIENT_ID: "" });
    const { key } = await door.client();
    const { status, body } = await connect(door, key, { return_url: RETURN_URL });
    expect(status).toBe(503);
    expect(body.detail).toContain("X_CLIENT_ID");
  });

  test.each(["", "hunter2-hunter2", "a:hunter2"])(
    "is not available while TOKEN_KEYS is %j, and says so",
    async (TOKEN_KEYS) => {
      const door = await openDoor({ TOKEN_KEYS });
      const { key } = await door.client();
      const { status, body } = await connect(door, key, { return_url: RETURN_URL });
      expect(status).toBe(503);
      expect(body.detail).toContain("TOKEN_KEYS");
      expect(JSON.stringify([body, door.log])).not.toContain("hunter2");
      expect((await door.call("GET", "/oauth/callback?state=abc0&code=c")).status).toBe(503);
    },
  );
});

describe("through an app of one's own", () => {
  const bring = async (door: Door, key: string) => {
    const x_client_secret = "the-secret-of-a-tenant-and-of-nothing-else";
    door.keep(x_client_secret);
    const redirect_uris = ["https://proxy.test/oauth/callback"];
    door.x.createApp({ client_id: "theirs", client_secret: x_client_secret, redirect_uris });
    const { body } = await door.call("POST", "/v1/apps", {
      key,
      body: { x_client_id: "theirs", x_client_secret },
    });
    return body.id;
  };
  /** The account that a user's consent makes. */
  async function connected(door: Door, key: string, userId: string, app_id?: string) {
    const { body } = await connect(door, key, { return_url: RETURN_URL, ...(app_id && { app_id }) });
    const { headers } = await door.call("GET", await door.consent(body.authorize_url, userId));
    const back = new URL(headers.get("location") ?? "");
    return door.call("GET", `/v1/accounts/${back.searchParams.get("account_id") ?? ""}`, { key });
  }

  test.each(["0", "1"] as const)(
    "a client of database %s connects an account with that app's credentials",
    async (shard) => {
      const door = await openDoor();
      const { key } = await door.client({ shard });
      const app_id = await bring(door, key);
      const user = door.x.createUser({ username: "ada" });
      expect((await connected(door, key, user.id, app_id)).body).toMatchObject({ app_id, username: "ada" });
    },
  );

  test("works while the installation has none", async () => {
    const door = await openDoor({ X_CLIENT_ID: "" });
    const { key } = await door.client();
    const user = door.x.createUser({ username: "ada" });
    expect((await connected(door, key, user.id, await bring(door, key))).status).toBe(200);
  });

  test("another client's app is no app", async () => {
    const door = await openDoor();
    const [one, two] = [await door.client(), await door.client()];
    const app_id = await bring(door, one.key);
    const { status, body } = await connect(door, two.key, { return_url: RETURN_URL, app_id });
    expect(status).toBe(422);
    expect(mistakes(body)).toEqual(["/app_id not_found"]);
  });

  test("the installation's app may be named as accounts name it", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const { body } = await connect(door, key, { return_url: RETURN_URL, app_id: "app_default" });
    expect(new URL(body.authorize_url).searchParams.get("client_id")).toBe("x-app");
  });

  test("reconnecting moves the account's lanes behind the gate of its new app", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const user = door.x.createUser({ username: "ada" });
    const { body: account } = await connected(door, key, user.id);
    const tweet = { account_id: account.id, text: "hello" };
    const { body: job } = await door.call("POST", "/v1/tweets", { key, body: tweet });
    await door.closeGate(account.id, "app:app_default", "credits_depleted", door.now() + 86_400_000);
    const read = async () => (await door.call("GET", `/v1/jobs/${job.id}`, { key })).body.blocked_on;
    expect(await read()).toMatchObject({ reason: "credits_depleted" });
    const app_id = await bring(door, key);
    expect((await connected(door, key, user.id, app_id)).body).toMatchObject({ id: account.id, app_id });
    expect(await read()).toBeNull();
    await door.closeGate(account.id, `app:${app_id}`, "usage_capped", door.now() + 86_400_000);
    expect(await read()).toMatchObject({ gate: `app:${app_id}`, reason: "usage_capped" });
  });

  test("a code that was given to another app is refused: a state is bound to its app", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const app_id = await bring(door, key);
    const user = door.x.createUser({ username: "ada" });
    const begin = async (more: object) =>
      (await connect(door, key, { return_url: RETURN_URL, ...more })).body.authorize_url;
    const [theirs, ours] = [await begin({ app_id }), await begin({})];
    const state = new URL(theirs).searchParams.get("state") ?? "";
    const code = new URLSearchParams((await door.consent(ours, user.id)).split("?")[1]).get("code") ?? "";
    const query = new URLSearchParams({ state, code });
    const { headers } = await door.call("GET", `/oauth/callback?${query.toString()}`);
    expect(headers.get("location")).toContain("error=x_unauthorized");
  });

  test("an app that was deleted meanwhile sends the browser back with app_deleted", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const app_id = await bring(door, key);
    const user = door.x.createUser({ username: "ada" });
    const { body } = await connect(door, key, { return_url: RETURN_URL, app_id });
    const path = await door.consent(body.authorize_url, user.id);
    expect((await door.call("DELETE", `/v1/apps/${app_id}`, { key })).status).toBe(204);
    const { status, headers } = await door.call("GET", path);
    expect(status).toBe(302);
    expect(headers.get("location")).toBe(`${RETURN_URL}&error=app_deleted`);
  });
});
