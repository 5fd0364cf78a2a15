import { describe, expect, test } from "vitest";
import { createSimulator, Dropped, type Simulator } from "../../simulator/simulator.ts";
import type { Fault } from "../../simulator/faults.ts";
import { ask, callback, everything, idOf, newX } from "./support.ts";

describe("the journal", () => {
  test("a world rebuilt from it knows users, tokens, posts, uploads and settings, and gives out new ids", async () => {
    const lines: string[] = [];
    const { x, clock, token, tokens, post, send } = newX({ journal: (line) => lines.push(line) });
    x.setSettings({ edit_history_variant: "absent" });
    const kept = idOf(await post("kept"));
    const gone = idOf(await post("gone"));
    await send("DELETE", `/2/tweets/${gone}`);
    const body = { media: btoa("bytes"), media_category: "tweet_image" };
    await send("POST", "/2/media/upload", { body });

    const again = createSimulator({ now: () => clock.now });
    again.replay([...lines, "", '{"type":"tweet.crea']);
    for (const book of ["users", "apps", "grants", "tweets", "media", "settings"] as const) {
      expect(again[book]()).toEqual(x[book]());
    }
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const request = () =>
      new Request("https://x.test/2/tweets", { method: "POST", headers, body: '{"text":"new"}' });
    const reply = (await (await again.fetch(request())).json()) as { data: { id: string } };
    expect(BigInt(reply.data.id)).toBeGreaterThan(BigInt(kept));
    expect((await again.fetch(request())).status).toBe(403);
    const form = {
      grant_type: "refresh_token",
      client_id: "open",
      refresh_token: tokens.refresh_token ?? "",
    };
    const refresh = new Request("https://x.test/2/oauth2/token", {
      method: "POST",
      body: new URLSearchParams(form),
    });
    expect((await again.fetch(refresh)).status).toBe(200);
  });

  test("a world rebuilt from it knows which tokens were rotated, revoked and made to expire", async () => {
    const lines: string[] = [];
    const { x, clock, tokens } = newX({ journal: (line) => lines.push(line) });
    const user = x.createUser({ username: "bob" });
    const bob = x.createGrant({ client_id: "open", user_id: user.id, scopes: everything });
    const refresh = (of: Simulator, refresh_token = "") =>
      ask(of, "POST", "/2/oauth2/token", {
        form: { grant_type: "refresh_token", client_id: "open", refresh_token },
      });
    const reply = await refresh(x, tokens.refresh_token);
    const { access_token: token } = reply.body as { access_token: string };
    x.expireAccess({ user_id: user.id });

    const again = createSimulator({ now: () => clock.now });
    again.replay(lines);
    expect(again.grants()).toEqual(x.grants());
    const me = async (access_token: string) =>
      (await ask(again, "GET", "/2/users/me", { token: access_token })).status;
    expect(await Promise.all([token, tokens.access_token, bob.access_token].map(me))).toEqual([
      200, 401, 401,
    ]);
    expect((await refresh(again, bob.refresh_token)).status).toBe(200);
    expect((await refresh(again, tokens.refresh_token)).status).toBe(400);
    expect(await me(token)).toBe(401);
  });

  test("a line is written before the answer leaves", async () => {
    const lines: string[] = [];
    const { post } = newX({ journal: (line) => lines.push(line) });
    const before = lines.length;
    const id = idOf(await post("hello"));
    expect(lines.slice(before).map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { type: "tweet.created", tweet: { id, request: { text: "hello" } } },
    ]);
  });

  test("after a reset, also one that is replayed, nothing is known", () => {
    const lines: string[] = [];
    const { x } = newX({ journal: (line) => lines.push(line) });
    x.setFaults([{ fault: { kind: "drop" } }]);
    x.reset();
    const again = createSimulator();
    again.replay(lines);
    for (const world of [x, again])
      expect([world.users(), world.apps(), world.faults()]).toEqual([[], [], []]);
  });
});

describe("misbehaving", () => {
  test("a connection dropped after acting leaves a post and no answer", async () => {
    const { x, post } = newX();
    x.setFaults([
      { times: 1, match: { method: "POST", text: "hello" }, fault: { kind: "drop", when: "after" } },
    ]);
    await expect(post("hello")).rejects.toBeInstanceOf(Dropped);
    expect(x.tweets()).toHaveLength(1);
    expect(x.calls().counts).toEqual({ "POST /2/tweets": { "0": 1 } });
    expect((await post("other")).status).toBe(201);
  });

  test("a 503 before acting leaves nothing, one after acting leaves a post", async () => {
    const { x, post } = newX();
    x.setFaults([
      { match: { text: "one" }, fault: { kind: "error", status: 503, when: "before" } },
      { match: { text: "two" }, fault: { kind: "error", status: 503, when: "after" } },
    ]);
    expect((await post("one")).status).toBe(503);
    expect(await post("two")).toMatchObject({
      status: 503,
      body: { title: "Service Unavailable", type: "about:blank" },
    });
    expect(x.tweets().map(({ text }) => text)).toEqual(["two"]);
  });

  test("a refresh can die after the rotation, for one user only", async () => {
    const { x, user, tokens } = newX();
    x.setFaults([
      { match: { path: "oauth2/token", user_id: user.id }, fault: { kind: "drop", when: "after" } },
    ]);
    const form = {
      grant_type: "refresh_token",
      client_id: "open",
      refresh_token: tokens.refresh_token ?? "",
    };
    await expect(ask(x, "POST", "/2/oauth2/token", { form })).rejects.toBeInstanceOf(Dropped);
    expect(x.grants()).toMatchObject([{ refreshes: 1 }]);
    expect(x.calls().last).toMatchObject([{ path: "/2/oauth2/token", status: 0, user_id: user.id }]);
  });

  test.each([
    ["before", 0],
    ["after", 1],
  ] as const)("a refresh alone can fail %s X acts, and nothing else does", async (when, refreshes) => {
    const { x, tokens, send } = newX();
    const match = { method: "POST", path: "^/2/oauth2/token$", text: "grant_type=refresh_token" };
    x.setFaults([{ match, fault: { kind: "error", status: 503, when } }]);
    const client = { client_id: "open" };
    const refresh = {
      ...client,
      grant_type: "refresh_token",
      refresh_token: tokens.refresh_token ?? "",
    };
    const revoke = { ...client, token: "nonsense" };
    const exchange = { ...client, grant_type: "authorization_code" };
    expect((await send("GET", "/2/users/me")).status).toBe(200);
    expect((await ask(x, "POST", "/2/oauth2/token", { form: refresh })).status).toBe(503);
    expect((await ask(x, "POST", "/2/oauth2/token", { form: exchange })).status).toBe(400);
    expect((await ask(x, "POST", "/2/oauth2/revoke", { form: revoke })).status).toBe(200);
    expect(x.grants()).toMatchObject([{ refreshes }]);
  });

  test("latency of settings and rules is slept before acting", async () => {
    const slept: number[] = [];
    const { x, send } = newX({ sleep: async (ms) => void slept.push(ms) });
    x.setSettings({ latency_ms: 30 });
    x.setFaults([{ times: 1, fault: { kind: "latency", ms: 12 } }]);
    await send("GET", "/2/users/me");
    await send("GET", "/2/users/me");
    expect(slept).toEqual([42, 30]);
  });

  test("a caller that gives up on a hanging answer sees its own abort", async () => {
    const { x, token } = newX({ sleep: () => new Promise(() => undefined) });
    x.setFaults([{ fault: { kind: "hang", ms: 60_000, when: "after" } }]);
    const leaving = new AbortController();
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const init = { method: "POST", headers, body: '{"text":"hello"}', signal: leaving.signal };
    const reply = x.fetch(new Request("https://x.test/2/tweets", init));
    leaving.abort(new Error("enough"));
    await expect(reply).rejects.toThrow("enough");
  });
});

test("every answer has X's headers", async () => {
  const { send } = newX();
  const { headers } = await send("GET", "/2/users/me");
  expect(headers.get("date")).toBe("Mon, 23 Nov 2026 00:00:00 GMT");
  expect(headers.get("api-version")).toBe("2.167");
  expect(headers.get("x-access-level")).toBe("read-write");
  expect(headers.get("x-transaction-id")).toMatch(/^[0-9a-f]{16}$/);
  expect(headers.get("x-rate-limit-limit")).toBe("75");
});

test("settings and apps that make no sense are refused", () => {
  const { x } = newX();
  expect(() => x.setSettings({ latency_ms: -1 })).toThrow("latency_ms");
  expect(() => {
    x.setFaults([{ fault: { kind: "hang", ms: 0.5 } }]);
  }).toThrow("hang");
  expect(() => x.createUser({ username: "no spaces" })).toThrow("username");
  expect(() => x.createGrant({ client_id: "open", user_id: "1", scopes: [] })).toThrow("unknown user_id");
  expect(x.apps()).toEqual([
    { client_id: "secretive", confidential: true, redirect_uris: [callback] },
    { client_id: "open", confidential: false, redirect_uris: [callback] },
  ]);
});

describe("acting without the caller learning of it", () => {
  const match = { method: "POST", path: "^/2/tweets$", text: "this one" };
  const after = "after" as const;
  const faults: [string, Fault, number | "none"][] = [
    ["then a 503", { kind: "error", status: 503, when: after }, 503],
    ["then a dropped connection", { kind: "drop", when: after }, "none"],
    ["then no answer in time", { kind: "hang", ms: 60_000, when: after }, "none"],
    ["then an empty 201", { kind: "empty", status: 201, when: after }, 201],
  ];

  test.each(faults)(
    "%s: the post is made, once, for that user and that text alone",
    async (_, fault, met) => {
      // The caller waits as long as an answer hangs, and leaves.
      const gone = new AbortController();
      const sleep = async () => {
        gone.abort();
      };
      const at = newX({ sleep });
      const bob = at.x.createUser({ username: "bob" });
      const { access_token } = at.x.createGrant({ client_id: "open", user_id: bob.id, scopes: everything });
      at.x.setFaults([{ match: { ...match, user_id: at.user.id }, times: 1, fault }]);
      const post = async (token: string, text: string) => {
        const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
        const signal = text === "this one" && token === at.token ? gone.signal : null;
        const request = { method: "POST", headers, body: JSON.stringify({ text }), signal };
        return at.x.fetch(new Request("https://x.test/2/tweets", request)).then(
          ({ status }) => status,
          () => "none",
        );
      };
      expect(await post(at.token, "another")).toBe(201);
      expect(await post(access_token, "this one")).toBe(201);
      expect(await post(at.token, "this one")).toBe(met);
      expect(await post(at.token, "this one again")).toBe(201);
      const texts = at.x.tweets(at.user.id).map(({ text }) => text);
      expect(texts).toEqual(["another", "this one", "this one again"]);
      expect(at.x.faults()).toMatchObject([{ fired: 1 }]);
    },
  );
});
