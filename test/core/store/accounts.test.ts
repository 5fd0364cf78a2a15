import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import * as lanes from "#core/store/lanes";
import { all, first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { empty, NOW, putLane } from "../../support/rows.ts";

const db = strict(env.DB);

beforeEach(() => empty(env.DB));

type NewAccount = Parameters<typeof accounts.connect>[1];
const account = (change: Partial<NewAccount> = {}): NewAccount => ({
  id: "acc_1",
  client_id: "cli_1",
  app_id: "app_1",
  x_user_id: "12",
  username: "ada",
  name: "Ada",
  scopes: '["tweet.read"]',
  token: "sealed-1",
  token_version: 1,
  token_expires_at: NOW + 7_200_000,
  refresh_at: null,
  metadata: '{"team":1}',
  ...change,
});
const connect = (change: Partial<NewAccount> = {}, now = NOW) =>
  all(accounts.connect(db, account(change), now));
const found = (id = "acc_1") => first<AccountRow>(accounts.find(db, id));

describe("connecting", () => {
  test("stores the account with its first token", async () => {
    expect(await connect()).toEqual([{ token_version: 1 }]);
    expect(await found()).toEqual({
      ...account(),
      state: "connected",
      token_issued_at: NOW,
      token_origin: "connect",
      paused_at: null,
      daily_cap: null,
      created_at: NOW,
      updated_at: NOW,
    });
  });

  test("again moves the token with its version, and keeps metadata that is not given anew", async () => {
    await connect();
    const next = { token: "sealed-2", token_version: 2, username: "ada2", metadata: null };
    expect(await connect(next, NOW + 5)).toEqual([{ token_version: 2 }]);
    expect(await found()).toMatchObject({
      token: "sealed-2",
      token_version: 2,
      username: "ada2",
      metadata: '{"team":1}',
      created_at: NOW,
      updated_at: NOW + 5,
    });
  });

  test.each([
    ["a version that another connect took", { token_version: 1, token: "late" }],
    ["a version that skips one", { token_version: 3, token: "early" }],
    ["another client", { client_id: "cli_2", token_version: 2, token: "foreign" }],
  ])("changes nothing for %s", async (_, change) => {
    await connect();
    expect(await connect(change)).toEqual([]);
    expect(await found()).toMatchObject({ token: "sealed-1", token_version: 1, client_id: "cli_1" });
  });
});

test("an X user belongs to the first client that claims them", async () => {
  const claim = (client_id: string, account_id: string) =>
    accounts.claimXUser(db, { x_user_id: "12", account_id, client_id }).run();
  await claim("cli_1", "acc_1");
  await claim("cli_2", "acc_2");
  await claim("cli_1", "acc_3");
  expect(await first(accounts.findXUser(db, "12"))).toEqual({
    x_user_id: "12",
    account_id: "acc_1",
    client_id: "cli_1",
    released: 0,
  });
  expect(await first(accounts.findXUser(db, "13"))).toBeNull();
});

describe("an X user that was let go", () => {
  const claim = (client_id: string, account_id: string) =>
    accounts.claimXUser(db, { x_user_id: "12", account_id, client_id }).run();
  const owner = () => first(accounts.findXUser(db, "12"));

  beforeEach(async () => {
    await claim("cli_1", "acc_1");
    await accounts.releaseXUser(db, "12", "acc_1").run();
  });

  test("goes to the next client that claims it, with an account of its own", async () => {
    await claim("cli_2", "acc_2");
    expect(await owner()).toMatchObject({ client_id: "cli_2", account_id: "acc_2", released: 0 });
    await claim("cli_1", "acc_3");
    expect(await owner()).toMatchObject({ client_id: "cli_2", account_id: "acc_2" });
  });

  test("is the same account as before for its own client", async () => {
    await claim("cli_1", "acc_3");
    expect(await owner()).toMatchObject({ client_id: "cli_1", account_id: "acc_1", released: 0 });
  });

  test("is not let go by an account that does not have it", async () => {
    await claim("cli_2", "acc_2");
    await accounts.releaseXUser(db, "12", "acc_1").run();
    expect(await owner()).toMatchObject({ released: 0 });
  });
});

describe("a token", () => {
  const moved = {
    id: "acc_1",
    token_version: 1,
    token: "sealed-2",
    token_expires_at: NOW + 9,
    refresh_at: NOW + 7,
  };
  const move = (change = {}) => all(accounts.moveToken(db, { ...moved, ...change }, NOW + 5));

  beforeEach(() => connect());

  test("moves with its version, and says that a refresh brought it", async () => {
    expect(await move()).toEqual([{ token_version: 2 }]);
    expect(await found()).toMatchObject({
      token: "sealed-2",
      token_version: 2,
      token_expires_at: NOW + 9,
      token_issued_at: NOW + 5,
      token_origin: "refresh",
      refresh_at: NOW + 7,
      updated_at: NOW + 5,
    });
  });

  test("does not move twice, nor from another version", async () => {
    await move();
    expect(await move({ token: "late" })).toEqual([]);
    expect(await move({ token_version: 5, token: "early" })).toEqual([]);
    expect(await found()).toMatchObject({ token: "sealed-2", token_version: 2 });
  });

  test("that a disconnect took away is not brought back", async () => {
    await accounts.disconnect(db, "acc_1", NOW + 3).run();
    expect(await move()).toEqual([]);
    expect(await found()).toMatchObject({
      state: "disconnected",
      token: null,
      token_version: 2,
      refresh_at: null,
    });
    expect((await accounts.disconnect(db, "acc_1", NOW + 4).run()).meta.changes).toBe(0);
  });

  test("whose grant is dead asks for a person, unless its version has moved", async () => {
    expect((await accounts.requireReconnect(db, "acc_1", 2, NOW).run()).meta.changes).toBe(0);
    expect((await accounts.requireReconnect(db, "acc_1", 1, NOW).run()).meta.changes).toBe(1);
    expect(await found()).toMatchObject({ state: "reconnect_required", refresh_at: null });
    expect((await accounts.requireReconnect(db, "acc_1", 1, NOW).run()).meta.changes).toBe(0);
  });
});

test("what is to be refreshed is found in the order of its time, in pages", async () => {
  for (const [id, refresh_at] of [
    ["a", 5],
    ["b", 3],
    ["c", 9],
    ["d", null],
    ["e", 3],
  ] as const)
    await connect({
      id: `acc_${id}`,
      x_user_id: id,
      refresh_at: refresh_at === null ? null : NOW + refresh_at,
    });
  const page = async (after: { refresh_at: number; id: string }) =>
    (await all<AccountRow>(accounts.toRefresh(db, NOW + 5, after, 2))).map(({ id }) => id);
  expect(await page({ refresh_at: 0, id: "" })).toEqual(["acc_b", "acc_e"]);
  expect(await page({ refresh_at: NOW + 3, id: "acc_e" })).toEqual(["acc_a"]);
});

test("a client's accounts are listed in pages, and nobody else's", async () => {
  await connect();
  await connect({ id: "acc_2", x_user_id: "2" });
  await connect({ id: "acc_3", x_user_id: "3" });
  await connect({ id: "acc_4", x_user_id: "4", client_id: "cli_2" });
  const page = async (after: string) =>
    (await all<AccountRow>(accounts.list(db, "cli_1", after, 2))).map(({ id }) => id);
  expect(await page("")).toEqual(["acc_1", "acc_2"]);
  expect(await page("acc_2")).toEqual(["acc_3"]);
});

test("of a set of accounts those are named that are the client's", async () => {
  await connect();
  await connect({ id: "acc_2", x_user_id: "2", client_id: "cli_2" });
  expect(await all(accounts.owned(db, "cli_1", ["acc_1", "acc_2", "acc_3"]))).toEqual([{ id: "acc_1" }]);
});

test("after a reconnect its lanes that have work are due now, behind the gate of its new app", async () => {
  await connect({ app_id: "app_2" });
  const gates = '["x:tweets","app:app_1","account:acc_1"]';
  await putLane(env.DB, { lane: "tweets:acc_1", next_at: NOW + 9000, gates });
  await putLane(env.DB, { lane: "deletes:acc_1", next_at: null, gates });
  await putLane(env.DB, { lane: "tweets:acc_9", account_id: "acc_9", next_at: NOW + 9000, gates });
  const names = ["tweets:acc_1", "deletes:acc_1", "tweets:acc_9"];
  expect(await all(accounts.wakeLanes(db, NOW, "acc_1", names))).toEqual([
    { lane: "tweets:acc_1", wait_ms: 0 },
  ]);
  expect(await first(lanes.find(db, "tweets:acc_1"))).toMatchObject({
    next_at: NOW,
    app_id: "app_2",
    gates: '["x:tweets","app:app_2","account:acc_1"]',
  });
  expect(await first(lanes.find(db, "deletes:acc_1"))).toMatchObject({ next_at: null });
  expect(await first(lanes.find(db, "tweets:acc_9"))).toMatchObject({ next_at: NOW + 9000, app_id: "app_1" });
});

test("metadata is changed and cleared", async () => {
  await connect();
  for (const metadata of ['{"b":2}', null]) {
    await accounts.change(db, "acc_1", { metadata }, NOW + 7).run();
    expect(await found()).toMatchObject({ metadata, updated_at: NOW + 7, token: "sealed-1" });
  }
});

test("what an account may cost is changed and cleared, and leaves its metadata alone", async () => {
  await connect();
  for (const daily_cap of [0, null]) {
    await accounts.change(db, "acc_1", { daily_cap }, NOW + 7).run();
    expect(await found()).toMatchObject({ daily_cap, metadata: '{"team":1}' });
  }
});

test("an app is used by the client's accounts that are not disconnected", async () => {
  await connect();
  await connect({ id: "acc_2", x_user_id: "2", client_id: "cli_2", app_id: "app_2" });
  const user = (client: string, app: string) => first(accounts.findByApp(db, client, app));
  expect(await user("cli_1", "app_1")).toEqual({ id: "acc_1" });
  expect(await user("cli_1", "app_2")).toBeNull();
  expect(await user("cli_2", "app_1")).toBeNull();
  await accounts.requireReconnect(db, "acc_1", 1, NOW).run();
  expect(await user("cli_1", "app_1")).toEqual({ id: "acc_1" });
  await accounts.disconnect(db, "acc_1", NOW).run();
  expect(await user("cli_1", "app_1")).toBeNull();
});
