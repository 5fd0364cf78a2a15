import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import * as batches from "#core/store/batches";
import type { BatchRow, NewBatch } from "#core/store/batches";
import { all, first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { accountRow, empty, NOW, put } from "../../support/rows.ts";

const db = strict(env.DB);
const ref = { client_id: "cli_1", id: "bat_1" };
const batch = (change: Partial<NewBatch> = {}): NewBatch => ({
  ...ref,
  account_ids: '["acc_1"]',
  accepted: 2,
  rejected: 1,
  rejections: "[]",
  warnings: "{}",
  shards: "01",
  created_at: NOW,
  ...change,
});
const insert = (change: Partial<NewBatch> = {}, by = { key: null as string | null, here: [] as string[] }) =>
  batches.insert(db, batch(change), by).run();
const found = (id = "bat_1") => first<BatchRow>(batches.find(db, "cli_1", id));

beforeEach(() => empty(env.DB));

test("a batch is added once, by whoever has its key, while its accounts are there", async () => {
  const key = { client_id: "cli_1", key: "k", body_hash: "h", job_id: "bat_1", created_at: NOW };
  await put(env.DB, "idempotency_keys", key);
  await insert({ id: "bat_2" }, { key: "k", here: [] });
  await insert({}, { key: "k", here: ["acc_1"] });
  expect([await found("bat_2"), await found()]).toEqual([null, null]);
  await put(env.DB, "accounts", accountRow());
  await insert({}, { key: "k", here: ["acc_1"] });
  await insert({ accepted: 7 }, { key: "k", here: ["acc_1"] });
  expect(await found()).toMatchObject({ accepted: 2, open_shards: "01", sequence: 1, taken_at: null });
});

test("a batch of an account that was disconnected is not added", async () => {
  await put(env.DB, "accounts", accountRow({ state: "disconnected" }));
  await insert({}, { key: null, here: ["acc_1"] });
  expect(await found()).toBeNull();
});

test("is taken once, and only before that taken back", async () => {
  await insert();
  await batches.taken(db, NOW, ref).run();
  await batches.taken(db, NOW + 1, ref).run();
  await batches.remove(db, ref).run();
  expect(await found()).toMatchObject({ taken_at: NOW });
  await insert({ id: "bat_2" });
  await batches.remove(db, { ...ref, id: "bat_2" }).run();
  expect(await found("bat_2")).toBeNull();
});

test("ends with the last of its parts, once, and goes on when one is opened again", async () => {
  await insert();
  const finish = (shard: string, ended: boolean | null = true) =>
    batches.finish(db, NOW, ref, { shard, ended }).run();
  await finish("1", false);
  // A part on this database, of which nothing is there, has not ended.
  await finish("0", null);
  expect(await found()).toMatchObject({ open_shards: "01", finished_at: null, sequence: 1 });
  await finish("1");
  expect(await found()).toMatchObject({ open_shards: "0", finished_at: null });
  await finish("0");
  expect((await finish("0")).meta.changes).toBe(0);
  expect(await found()).toMatchObject({ open_shards: "", finished_at: NOW, sequence: 3 });
  await batches.reopen(db, ref, "1").run();
  await batches.reopen(db, ref, "1").run();
  expect(await found()).toMatchObject({ open_shards: "1", finished_at: null, sequence: 4 });
});

test("is touched by whoever saw it last", async () => {
  await insert();
  expect(await first(batches.touch(db, ref, 2))).toBeNull();
  expect(await first(batches.touch(db, ref, 1))).toEqual({ id: "bat_1" });
  expect(await first(batches.touch(db, ref, null))).toEqual({ id: "bat_1" });
  expect(await found()).toMatchObject({ sequence: 3 });
});

test("are listed the newest first, those of some accounts alone", async () => {
  for (const [index, account] of ["a", "b", "a"].entries())
    await insert({ id: `bat_${index}`, account_ids: JSON.stringify([account]) });
  const ids = async (before: string, accounts: string[] | null, limit = 10) =>
    (await all<BatchRow>(batches.list(db, "cli_1", before, accounts, limit))).map(({ id }) => id);
  expect(await ids("bat_~", null)).toEqual(["bat_2", "bat_1", "bat_0"]);
  expect(await ids("bat_2", null, 1)).toEqual(["bat_1"]);
  expect(await ids("bat_~", ["a", "c"])).toEqual(["bat_2", "bat_0"]);
});

test("those that ended long ago are deleted", async () => {
  for (const id of ["bat_1", "bat_2", "bat_3"]) await insert({ id, shards: "" });
  await env.DB.prepare("UPDATE batches SET finished_at = ? WHERE id <> 'bat_2'").bind(NOW).run();
  await batches.prune(db, ["cli_1"], "bat_3", NOW + 1, 10).run();
  const refs = ["bat_1", "bat_2", "bat_3"].map((id) => ({ ...ref, id }));
  expect(await all(batches.present(db, refs))).toEqual(refs.slice(1));
});
