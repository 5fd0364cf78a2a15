import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { accessKey } from "#core/accounts/tokens";
import type { AccountRow } from "#core/store/accounts";
import type { JobRow } from "#core/store/jobs";
import { mistakes, openDoor, RETURN_URL, type Door } from "../support/door.ts";

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

/** Rows of one table, of both databases. */
const rowsOf = async <Row = Record<string, unknown>>(table: string): Promise<Row[]> => {
  const found = [env.DB, env.DB_1].map((db) => db.prepare(`SELECT * FROM ${table}`).all<Row>());
  return (await Promise.all(found)).flatMap(({ results }) => results);
};

describe("PATCH /v1/accounts/{id}", () => {
  test("sets the daily cap and takes it away, wakes what waited behind it, and leaves the metadata", async () => {
    const door = await openDoor();
    const tenant = await door.tenant();
    const id = tenant.account_id;
    const change = async (body: unknown) =>
      (await door.call("PATCH", `/v1/accounts/${id}`, { key: tenant.key, body })).body;
    await change({ metadata: { team: "blue" } });
    expect(await change({ daily_cap_micro_usd: 0 })).toMatchObject({
      daily_cap_micro_usd: 0,
      metadata: { team: "blue" },
    });
    await tenant.post();
    await door.setLane(`tweets:${id}`, door.now() + 1e9);
    await door.closeGate(id, `spend:${id}`, "spend_cap", door.now() + 1e9);
    await door.settled();
    door.messages.length = 0;
    expect(await change({ daily_cap_micro_usd: null })).toMatchObject({ daily_cap_micro_usd: null });
    await door.settled();
    expect(door.messages).toEqual([{ lane: `tweets:${id}`, delay_s: 0 }]);
    const left = await door.env.DB.prepare("SELECT name FROM gates UNION SELECT name FROM allowances").all();
    expect(left.results).toEqual([]);
  });

  const patch = (door: Door, key: string, id: string, body: unknown) =>
    door.call("PATCH", `/v1/accounts/${id}`, { key, body });

  test("changes the metadata and clears it, and the audit says who", async () => {
    const door = await openDoor();
    const { id, key, account_id } = await door.tenant({ shard: "1" });
    for (const metadata of [{ team: "blue" }, null]) {
      const { status, body } = await patch(door, key, account_id, { metadata });
      expect(status).toBe(200);
      expect(body).toMatchObject({ id: account_id, metadata });
      expect((await door.call("GET", `/v1/accounts/${account_id}`, { key })).body).toEqual(body);
    }
    const entry = { client_id: id, action: "account.changed", subject: account_id };
    expect(await rowsOf("audit")).toMatchObject([entry, entry]);
    expect(JSON.stringify(await rowsOf("audit"))).toContain('"actor":"key_');
  });

  test.each<[unknown, string]>([
    [{ daily_cap_micro_usd: "5" }, "/daily_cap_micro_usd invalid_type"],
    [{ metadata: "blue" }, "/metadata invalid_type"],
    [{ metadata: { a: "x".repeat(3000) } }, "/metadata invalid"],
    [{ metadata: null, username: "eve" }, "/username unknown_field"],
  ])("refuses %j: %s", async (body, mistake) => {
    const door = await openDoor();
    const { key, account_id } = await door.tenant();
    const answer = await patch(door, key, account_id, body);
    expect(answer.status).toBe(422);
    expect(mistakes(answer.body)).toEqual([mistake]);
  });
});

describe.each([
  ["PATCH", { metadata: null }],
  ["DELETE", undefined],
] as const)("%s of an account", (method, body) => {
  test.each(["acc_01KAB3C4D5V1StGXR8Z5jd0", "acc_01KAB3C4D5V1StGXR8Z5jdz", "acc_1", "job_1"])(
    "that is not there (%s) is not found",
    async (id) => {
      const door = await openDoor();
      const { key } = await door.client();
      expect((await door.call(method, `/v1/accounts/${id}`, { key, body })).status).toBe(404);
    },
  );

  test("of another client, or beyond the key's list, is not found and changes nothing", async () => {
    const door = await openDoor();
    const { id, account_id } = await door.tenant();
    const narrow = await door.key(id, { account_ids: ["acc_01KAB3C4D5V1StGXR8Z5jd0"] });
    const other = await door.tenant();
    const before = await door.row<AccountRow>(account_id, "accounts");
    for (const key of [narrow, other.key])
      expect((await door.call(method, `/v1/accounts/${account_id}`, { key, body })).status).toBe(404);
    expect(await door.row(account_id, "accounts")).toEqual(before);
  });

  test("needs the scope accounts:write", async () => {
    const door = await openDoor();
    const { id, account_id } = await door.tenant();
    const key = await door.key(id, { scopes: ["accounts:read", "jobs:write"] });
    expect((await door.call(method, `/v1/accounts/${account_id}`, { key, body })).status).toBe(403);
  });
});

describe("DELETE /v1/accounts/{id}", () => {
  const DAY_MS = 86_400_000;

  /** Connect a user of X as a person does; the account's id. */
  async function connected(door: Door, key: string, userId: string): Promise<string> {
    const { body } = await door.call("POST", "/v1/accounts/connect", {
      key,
      body: { return_url: RETURN_URL },
    });
    const answer = await door.call("GET", await door.consent(body.authorize_url, userId));
    const back = new URL(answer.headers.get("location") ?? "");
    return back.searchParams.get("account_id") ?? back.search;
  }

  async function tenant(door: Door) {
    const client = await door.client();
    const user = door.x.createUser({ username: `user_${client.id.slice(-5)}` });
    const id = await connected(door, client.key, user.id);
    const post = (more: object = {}) =>
      door.call("POST", "/v1/tweets", { key: client.key, body: { account_id: id, text: "hello", ...more } });
    const remove = (query = "") => door.call("DELETE", `/v1/accounts/${id}${query}`, { key: client.key });
    const job = async (jobId: string) =>
      (await door.call("GET", `/v1/jobs/${jobId}`, { key: client.key })).body;
    return { ...client, user, account_id: id, post, remove, job };
  }

  test("revokes at X, forgets the tokens, and keeps the account's row", async () => {
    const door = await openDoor();
    const { key, user, account_id, remove } = await tenant(door);
    const { status, body } = await remove();
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: account_id,
      state: "disconnected",
      token_expires_at: null,
      revoked: true,
      canceled: 0,
    });
    expect(door.x.grants().filter((grant) => grant.user_id === user.id)).toMatchObject([
      { revoked_at: door.now() },
    ]);
    expect(await door.row(account_id, "accounts")).toMatchObject({ token: null, token_version: 2 });
    expect(await env.TOKENS.get(accessKey(account_id, 1))).toBeNull();
    const read = await door.call("GET", `/v1/accounts/${account_id}`, { key });
    expect(read.body).toMatchObject({ state: "disconnected", username: user.username });
    expect(door.logged("account.disconnected")).toMatchObject([
      { event: "account.disconnected", account: account_id, revoked: true, canceled: 0 },
    ]);
  });

  test("is told to its client's endpoints with the answer", async () => {
    const door = await openDoor();
    const { key, remove } = await tenant(door);
    const body = { url: "https://hooks.shop.com/x", events: ["account.disconnected"] };
    await door.call("POST", "/v1/webhook-endpoints", { key, body });
    door.messages.length = 0;
    await remove();
    await door.settled();
    expect(door.messages).toEqual([
      { lane: expect.stringMatching(/^webhook:cli_\w+:whe_/) as string, delay_s: 0 },
    ]);
  });

  test("twice is a disconnect and a look at it, told once", async () => {
    const door = await openDoor();
    const { remove } = await tenant(door);
    const { body: first } = await remove();
    door.advance(1000);
    const second = await remove();
    expect(second.status).toBe(200);
    expect(second.body).toEqual({ ...first, revoked: false });
    const told = (await rowsOf("events")).map(({ type }) => type);
    expect(told.sort()).toEqual(["account.connected", "account.disconnected"]);
    const noted = (await rowsOf("audit")).map(({ action }) => action);
    expect(noted.sort()).toEqual(["account.connected", "account.disconnected"]);
  });

  test.each([
    { kind: "error", status: 503 } as const,
    { kind: "drop" } as const,
    { kind: "rate_limited" } as const,
  ])("is done although X says %j, and says that X was not told", async (fault) => {
    const door = await openDoor();
    const { remove } = await tenant(door);
    door.x.setFaults([{ match: { path: "/2/oauth2/revoke" }, fault }]);
    const { status, body } = await remove();
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: "disconnected", revoked: false });
  });

  test("holds its jobs: they wait behind `disconnected` and run once the same client has connected it again", async () => {
    const door = await openDoor();
    const { key, user, account_id, post, remove, job } = await tenant(door);
    const { body: held } = await post();
    await door.settled();
    await remove();
    expect((await job(held.id)).blocked_on).toEqual({
      gate: `account:${account_id}`,
      reason: "disconnected",
      until: null,
    });
    // As a turn leaves the lane that it could not work: due when the first job expires.
    await door.setLane(`tweets:${account_id}`, door.now() + 7 * DAY_MS);
    door.messages.length = 0;
    door.advance(60_000);
    expect(await connected(door, key, user.id)).toBe(account_id);
    await door.settled();
    expect((await job(held.id)).blocked_on).toBeNull();
    expect(door.messages).toEqual([{ lane: `tweets:${account_id}`, delay_s: 0 }]);
    const db = account_id.endsWith("1") ? env.DB_1 : env.DB;
    const lane = await db.prepare("SELECT * FROM lanes WHERE lane = ?").bind(`tweets:${account_id}`).first();
    expect(lane).toMatchObject({ next_at: door.now() });
    expect((await post()).status).toBe(202);
  });

  test("cancels its jobs when that is asked, and says how many; their history stays", async () => {
    const door = await openDoor();
    const { key, post, remove, job } = await tenant(door);
    const ids: string[] = [];
    for (const more of [{}, { run_at: new Date(door.now() + DAY_MS).toISOString() }, {}, {}])
      ids.push((await post(more)).body.id);
    const [running = "", , done = ""] = ids;
    const at: Partial<JobRow> = { state: "running", lease: "lse_1" };
    await door.setJob(running, at);
    await door.setJob(done, { state: "succeeded", open: null, finished_at: door.now() });
    expect((await remove("?jobs=cancel")).body).toMatchObject({ canceled: 2, state: "disconnected" });
    const states = await Promise.all(ids.map(async (id) => (await job(id)).state));
    expect(states).toEqual(["running", "canceled", "succeeded", "canceled"]);
    expect((await rowsOf<JobRow>("jobs")).find(({ id }) => id === running)?.cancel_requested).toBe(1);
    expect((await door.call("GET", "/v1/jobs", { key })).body.data).toHaveLength(4);
  });

  test("refuses to do anything else with its jobs", async () => {
    const door = await openDoor();
    const { account_id, remove } = await tenant(door);
    for (const query of ["?jobs=delete", "?jobs=", "?force=1", "?jobs=hold&jobs=cancel"])
      expect((await remove(query)).status).toBe(400);
    expect(await door.row(account_id, "accounts")).toMatchObject({ state: "connected" });
  });

  test("lets another client connect the X user, with an account of its own", async () => {
    const door = await openDoor();
    const { key, user, account_id, remove } = await tenant(door);
    const other = await door.client();
    expect(await connected(door, other.key, user.id)).toBe("?tenant=7&error=account_in_use");
    await remove();
    const theirs = await connected(door, other.key, user.id);
    expect(theirs).toMatch(/^acc_/);
    expect(theirs).not.toBe(account_id);
    expect(await connected(door, key, user.id)).toBe("?tenant=7&error=account_in_use");
    expect((await door.call("GET", `/v1/accounts/${account_id}`, { key })).body.state).toBe("disconnected");
  });

  test("takes no new jobs: 409, and nothing is written; an account that must reconnect takes them", async () => {
    const door = await openDoor();
    const { account_id, post, remove } = await tenant(door);
    const db = account_id.endsWith("1") ? env.DB_1 : env.DB;
    await db.prepare("UPDATE accounts SET state = 'reconnect_required'").run();
    expect((await post()).status).toBe(202);
    await remove();
    expect(await post()).toMatchObject({ status: 409, body: { code: "account_disconnected" } });
    expect(await rowsOf("jobs")).toHaveLength(1);
  });

  test("answers a job that was taken before with that job, when its key comes again", async () => {
    const door = await openDoor();
    const { key, account_id, remove } = await tenant(door);
    const body = { account_id, text: "hello" };
    const headers = { "idempotency-key": "once" };
    const first = await door.call("POST", "/v1/tweets", { key, body, headers });
    await remove();
    const again = await door.call("POST", "/v1/tweets", { key, body, headers });
    expect([again.status, again.body.id]).toEqual([202, first.body.id]);
  });

  test("is not stopped by a ring that lost the key of its tokens", async () => {
    const door = await openDoor();
    const { account_id, remove } = await tenant(door);
    const db = account_id.endsWith("1") ? env.DB_1 : env.DB;
    await db.prepare("UPDATE accounts SET token = 'lost.AAAA.AAAA'").run();
    expect((await remove()).body).toMatchObject({ state: "disconnected", revoked: false });
  });
});
