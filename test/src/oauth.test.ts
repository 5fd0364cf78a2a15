import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { accessKey } from "#core/accounts/tokens";
import { openRing } from "#core/lib/seal";
import type { AccountRow } from "#core/store/accounts";
import type { LaneRow } from "#core/store/lanes";
import { CONNECTION_LOST, openDoor, RETURN_URL, type Door } from "../support/door.ts";

type Tenant = { id: string; key: string };

/** Begin to connect and go to X; returns the path that X sends the browser back to. */
async function toX(door: Door, { key }: Tenant, userId: string, decision?: "authorize" | "cancel") {
  const { body } = await door.call("POST", "/v1/accounts/connect", { key, body: { return_url: RETURN_URL } });
  return door.consent(body.authorize_url, userId, decision);
}

/** Where the callback sends the browser, as the parameters that it adds to the client's own. */
async function back(door: Door, path: string): Promise<Record<string, string>> {
  const { status, headers } = await door.call("GET", path);
  expect(status).toBe(302);
  expect(headers.get("cache-control")).toBe("no-store");
  expect(headers.get("referrer-policy")).toBe("no-referrer");
  const url = new URL(headers.get("location") ?? "");
  expect(url.origin + url.pathname).toBe("https://client.test/connected");
  const { tenant, ...added } = Object.fromEntries(url.searchParams);
  expect(tenant).toBe("7");
  return added;
}

const rowOf = async (door: Door, id = ""): Promise<AccountRow> => {
  const row = await door.row<AccountRow>(id, "accounts");
  if (!row) throw new Error(`no account ${id}`);
  return row;
};

const newUser = (door: Door) =>
  door.x.createUser({ username: `user_${Math.random().toString(36).slice(2, 11)}`, name: "A User" });

describe("connecting an account", () => {
  test("ends at the client's return URL with the account's id and nothing else", async () => {
    const door = await openDoor();
    const client = await door.client();
    const user = newUser(door);
    const added = await back(door, await toX(door, client, user.id));
    expect(Object.keys(added)).toEqual(["account_id"]);
    const { body } = await door.call("GET", `/v1/accounts/${added.account_id ?? ""}`, { key: client.key });
    expect(body).toMatchObject({
      username: user.username,
      name: "A User",
      x_user_id: user.id,
      state: "connected",
    });
    expect(body.scopes).toEqual(["tweet.read", "tweet.write", "users.read", "media.write", "offline.access"]);
    expect(door.logged("account.connected")).toMatchObject([
      { event: "account.connected", account: added.account_id, reconnected: false },
    ]);
  });

  test("lets tweets be taken for it", async () => {
    const door = await openDoor();
    const client = await door.client();
    const { account_id } = await back(door, await toX(door, client, newUser(door).id));
    const body = { account_id, text: "hello" };
    expect((await door.call("POST", "/v1/tweets", { key: client.key, body })).status).toBe(202);
  });

  test("leaves no token in the clear, neither in D1 nor in KV", async () => {
    const door = await openDoor();
    const { account_id = "" } = await back(door, await toX(door, await door.client(), newUser(door).id));
    const kept = [
      JSON.stringify(await rowOf(door, account_id)),
      (await env.TOKENS.get(accessKey(account_id, 1))) ?? "nothing",
    ];
    for (const text of kept) {
      expect(text).toMatch(/test\.[\w-]{16}\.[\w-]{40,}/);
      for (const secret of door.secrets()) expect(text).not.toContain(secret);
    }
  });

  test("spreads accounts over the databases", async () => {
    const door = await openDoor();
    const client = await door.client();
    const used = new Set<string>();
    for (let i = 0; i < 12; i++) {
      const { account_id = "" } = await back(door, await toX(door, client, newUser(door).id));
      used.add(account_id.slice(-1));
    }
    expect([...used].sort()).toEqual(["0", "1"]);
  });

  test("works for a client of the second database", async () => {
    const door = await openDoor();
    const client = await door.client({ shard: "1" });
    expect(await back(door, await toX(door, client, newUser(door).id))).toHaveProperty("account_id");
  });

  test("keeps the metadata that it was asked with", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const asked = await door.call("POST", "/v1/accounts/connect", {
      key,
      body: { return_url: RETURN_URL, metadata: { team: "blue" } },
    });
    const { account_id = "" } = await back(
      door,
      await door.consent(asked.body.authorize_url, newUser(door).id),
    );
    const { body } = await door.call("GET", `/v1/accounts/${account_id}`, { key });
    expect(body.metadata).toEqual({ team: "blue" });
  });

  test("heeds no parameters that it does not know, as RFC 6749 wants", async () => {
    const door = await openDoor();
    const path = await toX(door, await door.client(), newUser(door).id);
    expect(await back(door, `${path}&iss=https%3A%2F%2Fx.com`)).toHaveProperty("account_id");
  });
});

describe("a state", () => {
  test("works once, whatever came of it", async () => {
    const door = await openDoor();
    const client = await door.client();
    const path = await toX(door, client, newUser(door).id);
    await back(door, path);
    expect(await door.call("GET", path)).toMatchObject({ status: 400, body: { code: "invalid_state" } });
    const denied = await toX(door, client, newUser(door).id, "cancel");
    await back(door, denied);
    expect((await door.call("GET", denied)).status).toBe(400);
  });

  test("that two browsers bring at once works once", async () => {
    const door = await openDoor();
    const path = await toX(door, await door.client(), newUser(door).id);
    const answers = await Promise.all([1, 2, 3].map(() => door.call("GET", path)));
    expect(answers.map(({ status }) => status).sort()).toEqual([302, 400, 400]);
  });

  test("works for ten minutes", async () => {
    const door = await openDoor();
    const client = await door.client();
    const user = newUser(door);
    const { body } = await door.call("POST", "/v1/accounts/connect", {
      key: client.key,
      body: { return_url: RETURN_URL },
    });
    door.advance(599_999);
    expect(await back(door, await door.consent(body.authorize_url, user.id))).toHaveProperty("account_id");
    const path = await toX(door, client, user.id);
    door.advance(600_000);
    expect(await door.call("GET", path)).toMatchObject({ status: 400, body: { code: "invalid_state" } });
  });

  test.each([
    "",
    "?code=abc",
    "?state=",
    "?state=&code=abc",
    "?state=0&code=abc",
    `?state=${"a".repeat(40)}0&code=abc`,
    `?state=${"a".repeat(40)}1&code=abc`,
    `?state=${"a".repeat(40)}z&code=abc`,
    "?state=%00&code=abc",
    "?state=%27%20OR%201%3D1--0&code=abc",
    "?error=access_denied",
    "?error=access_denied&state=forged0",
  ])("that we did not give (%s) leads nowhere", async (query) => {
    const door = await openDoor();
    await toX(door, await door.client(), newUser(door).id);
    const calls = door.x.calls().total;
    const answer = await door.ask("GET", `/oauth/callback${query}`);
    expect(answer.status).toBe(400);
    expect(answer.headers.get("location")).toBeNull();
    expect(door.x.calls().total).toBe(calls);
  });

  test.each([
    "?state=a0&state=b0&code=c",
    `?state=${"x".repeat(501)}0`,
    `?state=a0&code=${"x".repeat(2001)}`,
  ])("in a query that is no callback (%.30s) is a clear 400", async (query) => {
    const door = await openDoor();
    expect(await door.call("GET", `/oauth/callback${query}`)).toMatchObject({
      status: 400,
      body: { code: "unknown_parameter" },
    });
  });

  test("with its last character changed is another state", async () => {
    const door = await openDoor();
    const path = await toX(door, await door.client(), newUser(door).id);
    const forged = path.replace(/state=(\w+)0&/, "state=$11&");
    expect(forged).not.toBe(path);
    expect((await door.call("GET", forged)).status).toBe(400);
    expect(await back(door, path)).toHaveProperty("account_id");
  });
});

test("a browser that leads nowhere is shown a page; others get a problem", async () => {
  const door = await openDoor();
  const state = "<script>alert(1)</script>0";
  const path = `/oauth/callback?state=${encodeURIComponent(state)}&code=hunter2`;
  const headers = { accept: "text/html,application/xhtml+xml" };
  const answer = await door.ask("GET", path, { headers });
  expect(answer.status).toBe(400);
  expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  const page = await answer.text();
  expect(page).toContain("does not work any more");
  expect(page).not.toMatch(/<script>|hunter2/);
  expect((await door.ask("GET", path)).headers.get("content-type")).toBe("application/problem+json");
});

describe("the return URL", () => {
  test.each([
    ["https://client.test/", "https://client.test/?"],
    ["https://client.test/a?", "https://client.test/a?"],
    ["https://client.test/?q=a%20b+c&&flag&x=%C3%BC", "https://client.test/?q=a%20b+c&flag&x=%C3%BC&"],
    ["https://client.test/?error=old&account_id=acc_1&%65rror=1&b=2", "https://client.test/?b=2&"],
    ["https://ex\u00e4mple.test/\u00fc", "https://xn--exmple-cua.test/%C3%BC?"],
    ["http://127.0.0.1:8787/", "http://127.0.0.1:8787/?"],
  ])("%s keeps its own query and gets the account's id", async (return_url, kept) => {
    const door = await openDoor();
    const { key } = await door.client({ return_urls: [return_url] });
    const user = newUser(door);
    for (const [decision, added] of [
      ["authorize", /^account_id=acc_\w+$/],
      ["cancel", /^error=access_denied$/],
    ] as const) {
      const { body } = await door.call("POST", "/v1/accounts/connect", { key, body: { return_url } });
      const path = await door.consent(body.authorize_url, user.id, decision);
      const location = (await door.call("GET", path)).headers.get("location") ?? "";
      expect(location.slice(0, kept.length)).toBe(kept);
      expect(location.slice(kept.length)).toMatch(added);
    }
  });
});

describe("a request that is no browser's way back", () => {
  test("by HEAD is refused and leaves the state as it is", async () => {
    const door = await openDoor();
    const path = await toX(door, await door.client(), newUser(door).id);
    const calls = door.x.calls().total;
    expect((await door.ask("HEAD", path)).status).toBe(405);
    expect(door.x.calls().total).toBe(calls);
    expect(await back(door, path)).toHaveProperty("account_id");
  });

  test("by POST is refused, with a page for browsers", async () => {
    const door = await openDoor();
    const path = await toX(door, await door.client(), newUser(door).id);
    expect(await door.call("POST", path)).toMatchObject({
      status: 405,
      body: { code: "method_not_allowed" },
    });
    const shown = await door.ask("POST", path, { headers: { accept: "text/html" } });
    expect(shown.status).toBe(405);
    expect(shown.headers.get("allow")).toBe("GET, OPTIONS");
    expect(shown.headers.get("content-type")).toContain("text/html");
    expect(await back(door, path)).toHaveProperty("account_id");
  });

  test("with a parameter twice is refused, with a page for browsers, and leaves the state as it is", async () => {
    const door = await openDoor();
    const path = await toX(door, await door.client(), newUser(door).id);
    const state = new URLSearchParams(path.split("?")[1]).get("state") ?? "";
    for (const more of [`&state=${state}`, "&code=another", "&error=a&error=b"]) {
      expect((await door.call("GET", path + more)).body.code).toBe("unknown_parameter");
      const shown = await door.ask("GET", path + more, { headers: { accept: "text/html" } });
      expect(shown.status).toBe(400);
      expect(await shown.text()).toContain("does not work any more");
    }
    expect(await back(door, path)).toHaveProperty("account_id");
  });
});

describe("when something breaks on our side", () => {
  test("before the state is used, it can be brought again", async () => {
    const door = await openDoor();
    const path = await toX(door, await door.client(), newUser(door).id);
    for (const error of [CONNECTION_LOST, new Error("D1_ERROR: something new")]) {
      door.breakDatabases((sql) => (sql.includes("oauth_states") ? error : null));
      expect(await door.call("GET", path)).toMatchObject({ status: 503, body: { code: "unavailable" } });
      const shown = await door.ask("GET", path, { headers: { accept: "text/html" } });
      expect(shown.status).toBe(503);
      expect(await shown.text()).toContain("Not available for the moment");
    }
    door.breakDatabases(() => null);
    expect(await back(door, path)).toHaveProperty("account_id");
  });

  test.each(["x_users", "INSERT INTO accounts", "SELECT * FROM accounts"])(
    "after the exchange (%s), the client hears of it",
    async (words) => {
      const door = await openDoor();
      const client = await door.client();
      const user = newUser(door);
      const path = await toX(door, client, user.id);
      door.breakDatabases((sql) => (sql.includes(words) ? CONNECTION_LOST : null));
      expect(await back(door, path)).toEqual({ error: "internal" });
      expect(door.logged("connect.failed")).toMatchObject([{ client: client.id }]);
      door.breakDatabases(() => null);
      expect(await back(door, await toX(door, client, user.id))).toHaveProperty("account_id");
    },
  );

  test("because the key that sealed the verifier is lost, the client hears of it", async () => {
    const door = await openDoor();
    const path = await toX(door, await door.client(), newUser(door).id);
    const ring = `other:${"B".repeat(43)}`;
    door.keep("B".repeat(43));
    door.app.ring = () => openRing(ring, "TOKEN_KEYS");
    expect(await back(door, path)).toEqual({ error: "internal" });
    expect(door.logged("connect.failed")[0]?.reason).toContain("TOKEN_KEYS lacks the key");
  });
});

test("the event and the audit stand on the account's database; the audit names the key that began it", async () => {
  const door = await openDoor();
  const client = await door.client();
  const { account_id = "" } = await back(door, await toX(door, client, newUser(door).id));
  const db = account_id.endsWith("1") ? env.DB_1 : env.DB;
  const event = await db.prepare("SELECT * FROM events").first<Record<string, string>>();
  const shown = await door.call("GET", `/v1/accounts/${account_id}`, { key: client.key });
  expect(event).toMatchObject({ client_id: client.id, type: "account.connected", account_id });
  expect(JSON.parse(event?.data ?? "")).toEqual({ ...shown.body, reconnected: false });
  const keys = await env.DB.prepare("SELECT id FROM api_keys WHERE client_id = ?").bind(client.id).all();
  expect(await db.prepare("SELECT actor, action, subject FROM audit").first()).toEqual({
    actor: keys.results[0]?.id,
    action: "account.connected",
    subject: account_id,
  });
});

describe("when X says no", () => {
  test.each([
    ["access_denied", "access_denied"],
    ["server_error", "x_unavailable"],
    ["temporarily_unavailable", "x_unavailable"],
    ["invalid_scope", "x_invalid_request"],
    ["%3Cscript%3E", "x_invalid_request"],
  ])("by the error %s, the client hears %s, once", async (error, heard) => {
    const door = await openDoor();
    const path = await toX(door, await door.client(), newUser(door).id, "cancel");
    const said = path.replace("error=access_denied", `error=${error}&error_description=${"d".repeat(3000)}`);
    expect(await back(door, said)).toEqual({ error: heard });
    expect((await door.call("GET", said)).status).toBe(400);
  });

  test("because the user does", async () => {
    const door = await openDoor();
    const path = await toX(door, await door.client(), newUser(door).id, "cancel");
    expect(await back(door, path)).toEqual({ error: "access_denied" });
  });

  const tokens = "/2/oauth2/token";
  const me = "/2/users/me";
  test.each<[string, Parameters<Door["x"]["setFaults"]>[0][number], string]>([
    [
      "refuses the code",
      {
        match: { path: tokens },
        fault: {
          kind: "error",
          status: 400,
          body: {
            error: "invalid_request",
            error_description: "Value passed for the authorization code was invalid.",
          },
        },
      },
      "x_unauthorized",
    ],
    [
      "refuses the app",
      {
        match: { path: tokens },
        fault: {
          kind: "error",
          status: 401,
          body: { error: "unauthorized_client", error_description: "Missing valid authorization header" },
        },
      },
      "app_refused",
    ],
    ["is down", { match: { path: tokens }, fault: { kind: "error", status: 503 } }, "x_unavailable"],
    ["breaks the connection", { match: { path: tokens }, fault: { kind: "drop" } }, "x_unavailable"],
    [
      "acts and breaks the connection",
      { match: { path: tokens }, fault: { kind: "drop", when: "after" } },
      "x_unavailable",
    ],
    ["has had enough of us", { match: { path: tokens }, fault: { kind: "rate_limited" } }, "x_unavailable"],
    [
      "answers with a page",
      { match: { path: tokens }, fault: { kind: "html", status: 200 } },
      "x_unavailable",
    ],
    [
      "answers with nothing",
      { match: { path: tokens }, fault: { kind: "empty", status: 200 } },
      "x_unavailable",
    ],
    [
      "does not say who it is",
      { match: { path: me }, fault: { kind: "error", status: 503 } },
      "x_unavailable",
    ],
    [
      "says it is nobody",
      { match: { path: me }, fault: { kind: "error", status: 200, body: {} } },
      "x_unavailable",
    ],
    ["is gone when asked who it is", { match: { path: me }, fault: { kind: "drop" } }, "x_unavailable"],
  ])("and %s, the client hears %3$s", async (_, rule, error) => {
    const door = await openDoor();
    const path = await toX(door, await door.client(), newUser(door).id);
    door.x.setFaults([rule]);
    expect(await back(door, path)).toEqual({ error });
    door.x.setFaults([]);
    expect((await door.call("GET", path)).status).toBe(400);
  });

  test("once about who it is, it is asked again, and the account is connected", async () => {
    const door = await openDoor();
    const path = await toX(door, await door.client(), newUser(door).id);
    door.x.setFaults([{ match: { path: me }, times: 1, fault: { kind: "error", status: 503 } }]);
    expect(await back(door, path)).toHaveProperty("account_id");
  });

  test("to a code that is older than 30 seconds", async () => {
    const door = await openDoor();
    const path = await toX(door, await door.client(), newUser(door).id);
    door.advance(31_000);
    expect(await back(door, path)).toEqual({ error: "x_unauthorized" });
  });

  test("to a code of another connect: the verifier does not fit", async () => {
    const door = await openDoor();
    const client = await door.client();
    const [one, two] = [
      await toX(door, client, newUser(door).id),
      await toX(door, client, newUser(door).id),
    ].map((path) => new URLSearchParams(path.split("?")[1]));
    const mixed = new URLSearchParams({ state: one?.get("state") ?? "", code: two?.get("code") ?? "" });
    expect(await back(door, `/oauth/callback?${mixed.toString()}`)).toEqual({ error: "x_unauthorized" });
  });
});

test("an X user that another client has connected stays that client's", async () => {
  const door = await openDoor();
  const user = newUser(door);
  const [one, two] = [await door.client(), await door.client()];
  const { account_id = "" } = await back(door, await toX(door, one, user.id));
  const before = await rowOf(door, account_id);
  expect(await back(door, await toX(door, two, user.id))).toEqual({ error: "account_in_use" });
  expect(await rowOf(door, account_id)).toEqual(before);
  expect((await door.call("GET", "/v1/accounts", { key: two.key })).body.data).toEqual([]);
});

describe("reconnecting", () => {
  test("keeps the id, moves the version, opens the gate and wakes what waits", async () => {
    const door = await openDoor();
    const client = await door.client();
    const user = newUser(door);
    const { account_id = "" } = await back(door, await toX(door, client, user.id));
    const body = { account_id, text: "waits" };
    const job = await door.call("POST", "/v1/tweets", { key: client.key, body });
    await door.closeGate(account_id, `account:${account_id}`, "reconnect", door.now() + 86_400_000);
    const lane = `tweets:${account_id}`;
    await door.setLane(lane, door.now() + 86_400_000);
    await door.settled();
    door.messages.length = 0;
    const read = () => door.call("GET", `/v1/jobs/${job.body.id}`, { key: client.key });
    expect((await read()).body.blocked_on).toMatchObject({ reason: "reconnect" });
    const before = await rowOf(door, account_id);

    door.advance(60_000);
    expect(await back(door, await toX(door, client, user.id))).toEqual({ account_id });
    await door.settled();
    expect(await rowOf(door, account_id)).toMatchObject({
      token_version: before.token_version + 1,
      created_at: before.created_at,
      updated_at: door.now(),
    });
    expect((await rowOf(door, account_id)).token).not.toBe(before.token);
    expect((await read()).body.blocked_on).toBeNull();
    expect(door.messages).toEqual([{ lane, delay_s: 0 }]);
    const db = account_id.endsWith("1") ? env.DB_1 : env.DB;
    const row = await db.prepare("SELECT * FROM lanes WHERE lane = ?").bind(lane).first<LaneRow>();
    expect(row?.next_at).toBe(door.now());
    expect(door.logged("account.connected").at(-1)).toMatchObject({ reconnected: true });
  });

  test("twice at once ends with one account and both versions counted", async () => {
    const door = await openDoor();
    const client = await door.client();
    const user = newUser(door);
    const paths = [await toX(door, client, user.id), await toX(door, client, user.id)];
    const [one, two] = await Promise.all(paths.map((path) => back(door, path)));
    expect(one).toEqual(two);
    expect((await rowOf(door, one?.account_id)).token_version).toBe(2);
  });

  test("wakes nothing when nothing waits", async () => {
    const door = await openDoor();
    const client = await door.client();
    const user = newUser(door);
    await back(door, await toX(door, client, user.id));
    await back(door, await toX(door, client, user.id));
    await door.settled();
    expect(door.messages).toEqual([]);
  });
});

test("endpoints hear of a connected account with the answer, on whatever database it stands", async () => {
  const door = await openDoor();
  const client = await door.client();
  await door.call("POST", "/v1/webhook-endpoints", {
    key: client.key,
    body: { url: "https://hooks.shop.com/x", events: ["account.*"] },
  });
  const used = new Set<string>();
  for (let round = 0; used.size < 2 && round < 20; round++) {
    const { account_id = "" } = await back(door, await toX(door, client, newUser(door).id));
    await door.settled();
    // A lane that two of them share is woken once.
    expect(door.messages.map(({ lane }) => lane)).toContain(await laneOfTold(account_id));
    expect(door.messages.every(({ delay_s }) => delay_s === 0)).toBe(true);
    used.add(account_id.slice(-1));
  }
  expect([...used].sort()).toEqual(["0", "1"]);
});

/** The lane of what was told of an account. */
async function laneOfTold(account_id: string): Promise<string | undefined> {
  const db = account_id.endsWith("1") ? env.DB_1 : env.DB;
  const row = await db
    .prepare("SELECT lane FROM jobs WHERE kind = 'webhook.deliver' AND account_id = ?")
    .bind(account_id)
    .first<{ lane: string }>();
  return row?.lane;
}

test("an account is connected also when KV does not take its token: D1 has it", async () => {
  const door = await openDoor({
    TOKENS: { put: () => Promise.reject(new Error("KV PUT failed: 429")) } as unknown as KVNamespace,
  });
  const { account_id } = await back(door, await toX(door, await door.client(), newUser(door).id));
  expect((await rowOf(door, account_id)).token_version).toBe(1);
});
