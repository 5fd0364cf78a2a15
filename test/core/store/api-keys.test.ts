import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import * as apiKeys from "#core/store/api-keys";
import type { ApiKeyRow } from "#core/store/api-keys";
import * as clients from "#core/store/clients";
import { all, first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { empty, NOW } from "../../support/rows.ts";

const db = strict(env.DB);
const HOUR = 3_600_000;

const key = {
  id: "key_1",
  client_id: "cli_1",
  hash: "hash",
  scopes: '["jobs:read"]',
  account_ids: null,
  expires_at: null,
  created_at: NOW,
};
const insert = (change: Partial<ApiKeyRow> = {}) => apiKeys.insert(db, { ...key, ...change }).run();
const found = (now = NOW) => first<ApiKeyRow>(apiKeys.find(db, now, "key_1"));

beforeEach(async () => {
  await empty(env.DB);
  await clients.insert(db, { id: "cli_1", name: "n", return_urls: "[]", created_at: NOW }).run();
});

test("a key is added once, and found by its id", async () => {
  await insert();
  await insert({ hash: "another" });
  expect(await found()).toEqual({ ...key, last_used_at: null, revoked_at: null });
  expect(await first(apiKeys.find(db, NOW, "key_2"))).toBeNull();
});

test("a key is not found from the moment it expires", async () => {
  await insert({ expires_at: NOW + 5 });
  expect(await found(NOW + 4)).not.toBeNull();
  expect(await found(NOW + 5)).toBeNull();
});

test("its use is written down at most once an hour", async () => {
  await insert();
  const touch = async (now: number) => (await apiKeys.touch(db, now, "key_1").run()).meta.changes;
  expect([await touch(NOW), await touch(NOW + HOUR), await touch(NOW + HOUR + 1)]).toEqual([1, 0, 1]);
  expect(await found()).toMatchObject({ last_used_at: NOW + HOUR + 1 });
});

test("a key belongs to a client that is there, and its scopes are a list", async () => {
  await expect(insert({ client_id: "cli_9" })).rejects.toThrow("FOREIGN KEY");
  await expect(insert({ scopes: "{}" })).rejects.toThrow("CHECK");
});

test("a revoked key is not found any more, but its row stays as it was revoked first", async () => {
  await insert();
  const revoke = async (now: number) => (await apiKeys.revoke(db, now, "key_1").run()).meta.changes;
  expect([await revoke(NOW + 1), await revoke(NOW + 2)]).toEqual([1, 0]);
  expect(await found()).toBeNull();
  expect(await first(apiKeys.findAny(db, "key_1"))).toMatchObject({ revoked_at: NOW + 1 });
});

test("a client's keys are listed in pages, also those that live no more", async () => {
  await clients.insert(db, { id: "cli_2", name: "n", return_urls: "[]", created_at: NOW }).run();
  for (const id of ["key_3", "key_1", "key_2"]) await insert({ id, expires_at: NOW - 1 });
  await insert({ id: "key_0", client_id: "cli_2" });
  const page = async (after: string) =>
    (await all<ApiKeyRow>(apiKeys.list(db, "cli_1", after, 2))).map(({ id }) => id);
  expect(await page("")).toEqual(["key_1", "key_2"]);
  expect(await page("key_2")).toEqual(["key_3"]);
});
