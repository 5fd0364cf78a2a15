import { describe, expect, test } from "vitest";
import { createKey, mayUse, scopes, type Scope } from "../../src/auth.ts";
import { ADMIN_KEY, openDoor } from "../support/door.ts";

describe("a request without a good key is refused", () => {
  const wrong: [string, (key: string) => string | null][] = [
    ["none", () => null],
    ["an empty one", () => ""],
    ["another scheme", (key) => `Basic ${key}`],
    ["no scheme", (key) => key],
    ["two keys", (key) => `Bearer ${key} ${key}`],
    ["something after it", (key) => `Bearer ${key}x`],
    ["another secret", (key) => `Bearer ${key.slice(0, -1)}${key.endsWith("a") ? "b" : "a"}`],
    ["another case", (key) => `Bearer ${key.toUpperCase()}`],
    ["no secret", (key) => `Bearer ${key.slice(0, -40)}`],
    ["an unknown id", (key) => `Bearer tap_${"0".repeat(23)}_${key.slice(-40)}`],
    ["a database that is not bound", (key) => `Bearer tap_${"0".repeat(22)}z_${key.slice(-40)}`],
    ["a megabyte", () => `Bearer tap_${"x".repeat(100_000)}`],
    ["SQL", () => "Bearer ' OR 1=1 --"],
  ];
  test.each(wrong)("%s", async (_, header) => {
    const door = await openDoor();
    const { key } = await door.client();
    const authorization = header(key);
    const { status, headers, body } = await door.call("GET", "/v1/jobs", {
      headers: authorization === null ? {} : { authorization },
    });
    expect(status).toBe(401);
    expect(body.code).toBe("unauthorized");
    expect(headers.get("www-authenticate")).toBe("Bearer");
  });

  test("an expired one, from that very moment on", async () => {
    const door = await openDoor();
    const { id } = await door.client();
    const key = await door.key(id, { expires_at: door.now() + 1000 });
    expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(200);
    door.advance(1000);
    expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(401);
  });

  test("before its body is looked at", async () => {
    const door = await openDoor();
    const { status } = await door.call("POST", "/v1/tweets", { key: "tap_no", text: "not json" });
    expect(status).toBe(401);
  });
});

test("the scheme's name may have any case", async () => {
  const door = await openDoor();
  const { key } = await door.client();
  const headers = { authorization: `bEARER   ${key}` };
  expect((await door.call("GET", "/v1/jobs", { headers })).status).toBe(200);
});

test("a client on another database has its key there", async () => {
  const door = await openDoor();
  const { key } = await door.client({ shard: "1" });
  expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(200);
});

describe("scopes", () => {
  const ways: [string, string, Scope][] = [
    ["POST", "/v1/tweets", "jobs:write"],
    ["DELETE", "/v1/tweets/1?account_id=a", "jobs:write"],
    ["POST", "/v1/jobs", "jobs:write"],
    ["GET", "/v1/jobs", "jobs:read"],
    ["GET", "/v1/jobs/job_1", "jobs:read"],
    ["POST", "/v1/jobs/job_1/cancel", "jobs:write"],
    ["POST", "/v1/jobs/job_1/retry", "jobs:write"],
    ["POST", "/v1/accounts/connect", "accounts:write"],
    ["GET", "/v1/accounts", "accounts:read"],
    ["GET", "/v1/accounts/acc_1", "accounts:read"],
    ["POST", "/v1/clients", "admin"],
    ["GET", "/v1/clients", "admin"],
    ["GET", "/v1/clients/cli_1", "admin"],
    ["PATCH", "/v1/clients/cli_1", "admin"],
    ["POST", "/v1/keys", "admin"],
    ["GET", "/v1/keys?client_id=cli_1", "admin"],
    ["DELETE", "/v1/keys/key_1", "admin"],
    ["GET", "/v1/audit", "admin"],
  ];
  test.each(ways)("%s %s needs %s and no other", async (method, path, scope) => {
    const door = await openDoor();
    const { id } = await door.client();
    const others = await door.key(id, { scopes: scopes.filter((one) => one !== scope) });
    const refused = await door.call(method, path, { key: others });
    expect(refused).toMatchObject({ status: 403, body: { code: "insufficient_scope" } });
    expect(refused.body.detail).toContain(scope);
    const alone = await door.key(id, { scopes: [scope] });
    expect((await door.call(method, path, { key: alone })).body.code).not.toBe("insufficient_scope");
  });

  test("the admin key makes clients and keys, and reaches nothing that is a client's", async () => {
    const door = await openDoor();
    for (const [method, path] of [
      ["GET", "/v1/jobs"],
      ["POST", "/v1/tweets"],
      ["GET", "/v1/accounts"],
      ["POST", "/v1/accounts/connect"],
    ] as const)
      expect((await door.call(method, path, { key: ADMIN_KEY, body: {} })).status, path).toBe(403);
    expect((await door.call("POST", "/v1/clients", { key: ADMIN_KEY, body: { name: "n" } })).status).toBe(
      201,
    );
  });

  test.each([undefined, ""])("an installation whose ADMIN_KEY is %j has no admin", async (set) => {
    const door = await openDoor(set === undefined ? {} : { ADMIN_KEY: set });
    if (set === undefined) delete door.env.ADMIN_KEY;
    for (const key of ["undefined", "null", "", ADMIN_KEY])
      expect((await door.call("POST", "/v1/clients", { key, body: { name: "n" } })).status).toBe(401);
  });
});

describe("what belongs to another client", () => {
  test("is not found, whether it exists or not", async () => {
    const door = await openDoor();
    const mine = await door.tenant();
    const theirs = await door.tenant();
    const { body } = await theirs.post();
    const asked = { key: mine.key };
    const foreign = [
      ["GET", `/v1/jobs/${body.id}`],
      ["POST", `/v1/jobs/${body.id}/cancel`],
      ["POST", `/v1/jobs/${body.id}/retry`],
      ["GET", `/v1/accounts/${theirs.account_id}`],
      ["DELETE", `/v1/tweets/1?account_id=${theirs.account_id}`],
    ] as const;
    for (const [method, path] of foreign)
      expect((await door.call(method, path, asked)).status, `${method} ${path}`).toBe(404);
    const posted = await door.call("POST", "/v1/tweets", {
      ...asked,
      body: { account_id: theirs.account_id, text: "not mine" },
    });
    expect(posted.status).toBe(404);
    expect((await door.call("GET", `/v1/jobs/${body.id}`, { key: theirs.key })).body.state).toBe("queued");
  });
});

describe("a key for some accounts only", () => {
  test("reads and writes for these and for no other of its client", async () => {
    const door = await openDoor();
    const { id, key: wide, account_id } = await door.tenant();
    const other = await door.account(id, { shard: "1" });
    const key = await door.key(id, { account_ids: [account_id] });
    const post = (by: string, account: string) =>
      door.call("POST", "/v1/tweets", { key: by, body: { account_id: account, text: "hello" } });
    const own = await post(key, account_id);
    expect(own.status).toBe(202);
    expect(await post(key, other)).toMatchObject({ status: 403, body: { code: "insufficient_scope" } });
    const hidden = (await post(wide, other)).body.id;
    for (const [method, path] of [
      ["GET", `/v1/jobs/${hidden}`],
      ["POST", `/v1/jobs/${hidden}/cancel`],
      ["POST", `/v1/jobs/${hidden}/retry`],
      ["GET", `/v1/accounts/${other}`],
    ] as const)
      expect((await door.call(method, path, { key })).status, path).toBe(404);
    expect((await door.call("DELETE", `/v1/tweets/1?account_id=${other}`, { key })).status).toBe(403);
    const jobs = await door.call("GET", "/v1/jobs", { key });
    expect(jobs.body.data.map((job) => job.id)).toEqual([own.body.id]);
    const accounts = await door.call("GET", "/v1/accounts", { key });
    expect(accounts.body.data.map((account) => account.id)).toEqual([account_id]);
  });

  test("for none reaches none", async () => {
    const door = await openDoor();
    const { id, account_id } = await door.tenant();
    const key = await door.key(id, { account_ids: [] });
    expect((await door.call("GET", "/v1/accounts", { key })).body.data).toEqual([]);
    expect((await door.call("GET", `/v1/accounts/${account_id}`, { key })).status).toBe(404);
    expect(
      mayUse({ key_id: "", session_id: null, client_id: "", scopes: [], account_ids: [] }, account_id),
    ).toBe(false);
  });
});

test("a new key names its client's database and is stored as a hash alone", async () => {
  const { id, key, hash } = await createKey("cli_01KAB3C4D5V1StGXR8Z5jd1", 0);
  expect(id).toMatch(/^key_.{22}1$/);
  expect(key).toMatch(new RegExp(`^tap_${id.slice(4)}_[0-9A-Za-z]{40}$`));
  expect(hash).toHaveLength(43);
  expect(key).not.toContain(hash);
});
