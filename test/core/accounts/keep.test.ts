import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { Connecting } from "#core/accounts/connect";
import { keepAccount, type NewAccount } from "#core/accounts/keep";
import { accessKey, accessPlace, pairPlace } from "#core/accounts/tokens";
import { showAccount } from "#core/accounts/view";
import { newId } from "#core/lib/ids";
import { openRing } from "#core/lib/seal";
import * as clients from "#core/store/clients";
import type { AccountRow } from "#core/store/accounts";
import { shard } from "#core/store/shard";
import { TEST_RING } from "../../support/harness.ts";
import { empty, putLane } from "../../support/rows.ts";

const NOW = Date.UTC(2026, 10, 23, 12);
const ring = await openRing(TEST_RING, "TOKEN_KEYS");

async function connecting(parts: Partial<Connecting> = {}): Promise<Connecting> {
  await Promise.all([env.DB, env.DB_1].map(empty));
  return {
    databases: { DB: env.DB, DB_1: env.DB_1 },
    kv: env.TOKENS,
    ring,
    clock: { now: () => NOW, stored: () => NOW, sleep: async () => undefined },
    random: () => 0.5,
    network: () => Promise.reject(new Error("nobody is asked here")),
    x_url: "",
    x_authorize_url: "",
    apps: { find: async () => null },
    redirect_uri: "",
    lane_names: ["tweets", "deletes"],
    log: () => undefined,
    ...parts,
  };
}

let users = 0;
const newAccount = (change: Partial<NewAccount> = {}): NewAccount => ({
  client_id: "cli_x0",
  app_id: "app_default",
  actor: "key_x0",
  metadata: null,
  user: { id: String(++users), username: "someone", name: "Someone" },
  tokens: {
    access_token: "access-1",
    refresh_token: "refresh-1",
    expires_in_s: 7200,
    scopes: ["tweet.read"],
  },
  fresh_id: (character) => newId("acc", character, NOW),
  ...change,
});

async function rowOf(by: Connecting, id = ""): Promise<AccountRow> {
  const db = shard(by.databases, id);
  const row = await db?.prepare("SELECT * FROM accounts WHERE id = ?").bind(id).first<AccountRow>();
  if (!row) throw new Error(`no account ${id}`);
  return row;
}

test.each([
  [5000, 1],
  [null, 0],
])(
  "where its client's cap is %s, the account's database has %i row of it to borrow for",
  async (cap, rows) => {
    const by = await connecting();
    const client = { id: "cli_x0", name: "n", return_urls: "[]", created_at: NOW, daily_cap: cap };
    await clients.insert(env.DB, client).run();
    for (let i = 0; i < 10; i++) await keepAccount(by, newAccount());
    const found = await env.DB_1.prepare('SELECT name, "limit", lent FROM allowances').all();
    expect(found.results).toEqual(rows === 1 ? [{ name: "spend:cli_x0", limit: 0, lent: 1 }] : []);
  },
);

test("an account's pair is sealed for its id and version, and its access token alone stands in KV", async () => {
  const by = await connecting();
  const kept = await keepAccount(by, newAccount({ metadata: '{"a":1}' }));
  const id = kept?.id ?? "";
  expect(kept).toEqual({ id, version: 1, wakes: [] });
  const row = await rowOf(by, id);
  expect(row).toMatchObject({
    client_id: "cli_x0",
    state: "connected",
    scopes: '["tweet.read"]',
    metadata: '{"a":1}',
    token_version: 1,
    token_expires_at: NOW + 7_200_000,
  });
  expect(JSON.parse(await ring.open(row.token ?? "", pairPlace(id, 1)))).toEqual({
    access_token: "access-1",
    refresh_token: "refresh-1",
  });
  const cached = (await env.TOKENS.get(accessKey(id, 1))) ?? "";
  expect(await ring.open(cached, accessPlace(id, 1))).toBe("access-1");
  await expect(ring.open(row.token ?? "", pairPlace(id, 2))).rejects.toThrow();
});

describe("the same X user again", () => {
  test("keeps its id, its metadata and its first day; the version moves by one", async () => {
    const by = await connecting();
    const account = newAccount({ metadata: '{"a":1}' });
    const first = await keepAccount(by, account);
    const tokens = { ...account.tokens, access_token: "access-2" };
    const again = await keepAccount(by, { ...account, metadata: null, tokens, app_id: "app_other" });
    expect(again).toEqual({ id: first?.id, version: 2, wakes: [] });
    const row = await rowOf(by, first?.id);
    expect(row).toMatchObject({ metadata: '{"a":1}', app_id: "app_other", created_at: NOW });
    expect(await ring.open(row.token ?? "", pairPlace(row.id, 2))).toContain("access-2");
  });

  test("by another client is refused and changes nothing", async () => {
    const by = await connecting();
    const account = newAccount();
    const first = await keepAccount(by, account);
    const before = await rowOf(by, first?.id);
    expect(await keepAccount(by, { ...account, client_id: "cli_y0" })).toBeNull();
    expect(await rowOf(by, first?.id)).toEqual(before);
  });

  test("by two clients at once is one's", async () => {
    const by = await connecting();
    const account = newAccount();
    const kept = await Promise.all(
      ["cli_x0", "cli_y0", "cli_z0"].map((client_id) => keepAccount(by, { ...account, client_id })),
    );
    expect(kept.filter((one) => one !== null)).toHaveLength(1);
  });

  test("three times at once by its own client counts each", async () => {
    const by = await connecting();
    const account = newAccount();
    const kept = await Promise.all([1, 2, 3].map(() => keepAccount(by, account)));
    expect(new Set(kept.map((one) => one?.id)).size).toBe(1);
    expect(kept.map((one) => one?.version).sort()).toEqual([1, 2, 3]);
    expect((await rowOf(by, kept[0]?.id)).token_version).toBe(3);
  });

  test("after a connect that died in the middle gets the id that was claimed for it", async () => {
    const by = await connecting();
    const account = newAccount();
    await env.DB.prepare("INSERT INTO x_users (x_user_id, account_id, client_id) VALUES (?, ?, ?)")
      .bind(account.user.id, "acc_claimed1", "cli_x0")
      .run();
    expect(await keepAccount(by, account)).toMatchObject({ id: "acc_claimed1", version: 1 });
    expect((await rowOf(by, "acc_claimed1")).x_user_id).toBe(account.user.id);
  });
});

test("the account's gate is opened, whatever closed it; others stay closed", async () => {
  const by = await connecting();
  const account = newAccount();
  const kept = await keepAccount(by, account);
  const id = kept?.id ?? "";
  const db = shard(by.databases, id) ?? env.DB;
  for (const name of [`account:${id}`, "account:acc_other", `window:${id}:POST /2/tweets`])
    await db
      .prepare("INSERT INTO gates (name, open_at, reason, updated_at) VALUES (?, 9e15, 'r', 1)")
      .bind(name)
      .run();
  await keepAccount(by, account);
  const { results } = await db.prepare("SELECT name FROM gates ORDER BY name").all<{ name: string }>();
  expect(results.map(({ name }) => name)).toEqual(["account:acc_other", `window:${id}:POST /2/tweets`]);
});

test("KV that takes nothing costs nothing but time", async () => {
  const kv = { put: () => Promise.reject(new Error("429")) } as unknown as KVNamespace;
  const by = await connecting({ kv });
  expect(await keepAccount(by, newAccount())).toMatchObject({ version: 1 });
});

test.each([1, 59.5, 7200.123, 0.0005])("a token that lives for %s seconds is kept", async (expires_in_s) => {
  const by = await connecting();
  const account = newAccount();
  const kept = await keepAccount(by, { ...account, tokens: { ...account.tokens, expires_in_s } });
  const row = await rowOf(by, kept?.id);
  expect(row.token_expires_at).toBe(NOW + Math.floor(expires_in_s * 1000));
  expect(await env.TOKENS.get(accessKey(row.id, 1))).not.toBeNull();
});

test("a grant without a refresh token is kept as what it is", async () => {
  const by = await connecting();
  const account = newAccount();
  const kept = await keepAccount(by, { ...account, tokens: { ...account.tokens, refresh_token: null } });
  const row = await rowOf(by, kept?.id);
  expect(JSON.parse(await ring.open(row.token ?? "", pairPlace(row.id, 1)))).toMatchObject({
    refresh_token: null,
  });
});

describe("what is told of it", () => {
  const rows = async <Row>(table: string) =>
    (await Promise.all([env.DB, env.DB_1].map((db) => db.prepare(`SELECT * FROM ${table}`).all<Row>())))
      .flatMap(({ results }) => results)
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

  test("is an event and an audit row each time, on the account's database, with the account as it now is", async () => {
    const by = await connecting();
    const account = newAccount({ metadata: '{"a":1}' });
    const kept = await keepAccount(by, account);
    const id = kept?.id ?? "";
    await keepAccount(by, { ...account, metadata: null, app_id: "app_other" });
    const events = await rows<{ id: string; data: string; type: string; account_id: string }>("events");
    expect(events.map(({ type, account_id }) => `${type} ${account_id}`)).toEqual(
      Array(2).fill(`account.connected ${id}`),
    );
    expect(events.map(({ id }) => id.slice(-1))).toEqual(Array(2).fill(id.slice(-1)));
    const told = events.map(({ data }) => JSON.parse(data) as unknown);
    const shown = { ...showAccount(await rowOf(by, id)) };
    expect(told).toContainEqual({ ...shown, reconnected: true });
    expect(told).toContainEqual({ ...shown, app_id: "app_default", reconnected: false });
    const noted = await rows<Record<string, unknown>>("audit");
    expect(noted).toHaveLength(2);
    for (const entry of noted)
      expect(entry).toMatchObject({
        client_id: "cli_x0",
        actor: "key_x0",
        action: "account.connected",
        subject: id,
        created_at: NOW,
      });
  });

  test("is nothing when another client has the X user", async () => {
    const by = await connecting();
    const account = newAccount();
    await keepAccount(by, account);
    await keepAccount(by, { ...account, client_id: "cli_y0" });
    expect([await rows("events"), await rows("audit")].map((some) => some.length)).toEqual([1, 1]);
  });
});

test("its lanes with work are due at once and behind the gate of its app; they are named to be woken", async () => {
  const by = await connecting();
  const account = newAccount();
  const { id = "" } = (await keepAccount(by, account)) ?? {};
  const db = shard(by.databases, id) ?? env.DB;
  const gates = JSON.stringify(["app:app_default", `account:${id}`]);
  for (const [lane, next_at] of [
    ["tweets", 9e15],
    ["deletes", null],
  ] as const)
    await putLane(db, { lane: `${lane}:${id}`, account_id: id, app_id: "app_default", next_at, gates });
  const again = await keepAccount(by, { ...account, app_id: "app_other" });
  expect(again?.wakes).toEqual([{ lane: `tweets:${id}`, wait_ms: 0 }]);
  const lane = await db.prepare("SELECT * FROM lanes WHERE lane = ?").bind(`tweets:${id}`).first();
  expect(lane).toMatchObject({
    next_at: NOW,
    app_id: "app_other",
    gates: JSON.stringify(["app:app_other", `account:${id}`]),
  });
});
