import { describe, expect, test } from "vitest";
import { NEVER } from "#core/lib/clock";
import { put } from "../support/rows.ts";
import { limitsOf } from "../../src/account-limits.ts";
import { openDoor, type Body } from "../support/door.ts";

const DAY = 86_400_000;
const QUARTER = 900_000;

async function opened(shard: "0" | "1" = "0") {
  const door = await openDoor({ X_APP_WINDOWS: '{"POST /2/tweets": 10000}' });
  const tenant = await door.tenant({ shard });
  const { account_id, id: client_id } = tenant;
  const db = shard === "1" && door.env.DB_1 ? door.env.DB_1 : door.env.DB;
  const read = async () => {
    const { body } = await door.call("GET", `/v1/accounts/${account_id}/limits`, { key: tenant.key });
    return (name: string): Body | undefined => body.data.find((limit) => limit.name === name);
  };
  const cap = (path: string, key: string, daily_cap_micro_usd: number) =>
    door.call("PATCH", path, { key, body: { daily_cap_micro_usd } });
  return { door, tenant, db, account_id, client_id, read, cap };
}

const iso = (ms: number): string => new Date(ms).toISOString();

test("an account's own window says what X said last, and how many jobs are due in it", async () => {
  const { door, tenant, db, account_id, read } = await opened();
  await tenant.post();
  await tenant.post({ run_at: iso(door.now() + DAY) });
  const window = { limit: 100, remaining: 7, resets_at: door.now() + QUARTER };
  await db.prepare("UPDATE lanes SET window = ?").bind(JSON.stringify(window)).run();
  const name = `window:${account_id}:POST /2/tweets`;
  expect((await read())(name)).toEqual({
    name,
    scope: "window",
    endpoint: "POST /2/tweets",
    unit: "calls",
    limit: 100,
    remaining: 7,
    resets_at: iso(door.now() + QUARTER),
    closed: null,
    jobs_waiting: 1,
  });
  door.advance(QUARTER);
  expect((await read())(name)).toMatchObject({ remaining: 100, resets_at: null });
});

test("an app's windows are as they are configured until they are used", async () => {
  const { door, db, read } = await opened();
  const name = "app:app_default:POST /2/tweets";
  expect((await read())(name)).toMatchObject({
    scope: "app_window",
    endpoint: "POST /2/tweets",
    limit: 10_000,
    remaining: 10_000,
    resets_at: null,
  });
  const resets_at = door.now() + DAY;
  await put(db, "allowances", { name, used: 40, since: 0, late_from: resets_at, resets_at });
  expect((await read())(name)).toMatchObject({ limit: 10_000, remaining: 9_960, resets_at: iso(resets_at) });
});

test.each(["0", "1"] as const)(
  "caps of the account and its client are told, on database %s too",
  async (shard) => {
    const { door, tenant, account_id, client_id, read, cap } = await opened(shard);
    await cap(`/v1/accounts/${account_id}`, tenant.key, 5000);
    await cap(`/v1/clients/${client_id}`, await door.key(client_id, { scopes: ["admin"] }), 9000);
    const limit = await read();
    const of = { scope: "cap", unit: "micro_usd", endpoint: null, closed: null };
    const resets_at = iso(door.now() - (door.now() % DAY) + DAY);
    expect(limit(`spend:${account_id}`)).toMatchObject({ ...of, limit: 5000, remaining: 5000, resets_at });
    expect(limit(`spend:${client_id}`)).toMatchObject({ ...of, limit: 9000, remaining: 9000, resets_at });
  },
);

test("what is closed says why, and until when", async () => {
  const { door, account_id, read } = await opened();
  const until = door.now() + 1000;
  await door.closeGate(account_id, "app:app_default", "credits_depleted", until);
  await door.closeGate(account_id, `account:${account_id}`, "paused", NEVER);
  await door.closeGate(account_id, `thread:${account_id}`, "thread_held", NEVER);
  await door.closeGate(account_id, `window:${account_id}:GET /2/users/me`, "rate_limited", until);
  const limit = await read();
  expect(limit("app:app_default")).toMatchObject({
    scope: "app",
    closed: { reason: "credits_depleted", until: iso(until) },
  });
  expect(limit(`account:${account_id}`)).toMatchObject({ closed: { reason: "paused", until: null } });
  expect(limit(`thread:${account_id}`)).toMatchObject({ scope: "thread", closed: { reason: "thread_held" } });
  expect(limit(`window:${account_id}:GET /2/users/me`)).toMatchObject({ endpoint: "GET /2/users/me" });
});

test("another's account is not found", async () => {
  const { door, account_id } = await opened();
  const { key } = await door.client();
  expect((await door.call("GET", `/v1/accounts/${account_id}/limits`, { key })).status).toBe(404);
});

describe("of several things that are known of one limit", () => {
  test("what closed it counts", () => {
    const closed = {
      name: "window:acc_1:POST /2/tweets",
      reason: "rate_limited",
      open_at: 9,
      limit: 25,
      remaining: 0,
      resets_at: 9,
    };
    const gates = JSON.stringify(["x:tweets", "app:a", "account:acc_1", closed.name]);
    const window = JSON.stringify({ limit: 100, remaining: 3, resets_at: 5 });
    const lanes = [{ lane: "tweets:acc_1", gates, window, jobs: 4 }];
    expect(limitsOf({ lanes, closed: [closed], allowances: [], configured: [] }, 1)).toMatchObject([
      { limit: 25, remaining: 0, jobs_waiting: 4, closed: { reason: "rate_limited" } },
    ]);
  });
});
