import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { all, first } from "#core/store/sql";
import * as uploads from "#core/store/uploads";
import type { NewUpload, UploadRow } from "#core/store/uploads";
import { strict } from "../../support/database.ts";
import { accountRow, empty, NOW, put } from "../../support/rows.ts";

const db = strict(env.DB);
const mine = { client_id: "cli_1", id: "med_1" };
const upload: NewUpload = {
  ...mine,
  account_id: "acc_1",
  size_bytes: 10,
  writer: "w1",
  send: "now",
  metadata: "{}",
  source_url: null,
  media_type: null,
  media_category: null,
  alt_text: null,
  expires_after_ms: 1000,
};
const find = () => first<UploadRow>(uploads.find(db, "cli_1", "med_1"));
const insert = (change: Partial<NewUpload> = {}) => first(uploads.insert(db, NOW, { ...upload, ...change }));
const advance = (change: Partial<uploads.Progress> = {}) =>
  uploads.advance(db, NOW, { ...mine, writer: "w1", start: 0, bytes: 4, whole: null, ...change }).run();

beforeEach(async () => {
  await empty(env.DB);
  await put(env.DB, "accounts", accountRow());
});

test("of some ids those are found that are the client's", async () => {
  await insert();
  await insert({ id: "med_2" });
  const ids = async (client: string) =>
    (await all<UploadRow>(uploads.findAll(db, client, ["med_0", "med_2", "med_1"]))).map(({ id }) => id);
  expect((await ids("cli_1")).sort()).toEqual(["med_1", "med_2"]);
  expect(await ids("cli_2")).toEqual([]);
});

describe("an upload begins", () => {
  test("for an account of its client, once however often it is said", async () => {
    expect(await insert()).toMatchObject({
      ...mine,
      state: "receiving",
      bytes_received: 0,
      expires_at: NOW + 1000,
    });
    expect(await insert()).toMatchObject(mine);
  });

  test.each([
    ["another's account", { client_id: "cli_2" }],
    ["an account that is not there", { account_id: "acc_2" }],
  ])("not for %s", async (_, change) => {
    expect(await insert(change)).toBeNull();
  });

  test("not for one that was disconnected", async () => {
    await env.DB.prepare("UPDATE accounts SET state = 'disconnected', token = NULL").run();
    expect(await insert()).toBeNull();
  });
});

describe("bytes count", () => {
  beforeEach(() => insert());

  test("when they are the next ones and their writer holds it", async () => {
    await advance();
    expect(await find()).toMatchObject({ bytes_received: 4, state: "receiving" });
  });

  test("and make it whole with the last ones", async () => {
    await advance({
      bytes: 10,
      whole: { media_type: "image/png", media_category: "tweet_image", keep_ms: 50 },
    });
    expect(await find()).toMatchObject({
      bytes_received: 10,
      state: "received",
      received_at: NOW,
      media_type: "image/png",
      expires_at: NOW + 50,
    });
  });

  test.each([
    ["from another place", { start: 4 }],
    ["of another writer", { writer: "w2" }],
    ["of another client", { client_id: "cli_2" }],
  ])("not %s", async (_, change) => {
    expect((await advance(change)).meta.changes).toBe(0);
    expect(await find()).toMatchObject({ bytes_received: 0 });
  });

  test("not after somebody took over", async () => {
    expect(await first(uploads.takeOver(db, NOW, mine, "w2"))).toMatchObject({ writer: "w2" });
    expect((await advance()).meta.changes).toBe(0);
    expect((await advance({ writer: "w2" })).meta.changes).toBe(1);
  });
});

describe("nobody takes over", () => {
  beforeEach(() => insert());

  test("what has failed, and only its writer can fail it", async () => {
    await uploads.fail(db, NOW, { ...mine, writer: "w2" }, "{}").run();
    expect(await find()).toMatchObject({ state: "receiving" });
    await uploads.fail(db, NOW, { ...mine, writer: "w1" }, "{}").run();
    expect(await first(uploads.takeOver(db, NOW, mine, "w3"))).toBeNull();
  });

  test("what has expired, or was dropped", async () => {
    expect(await first(uploads.takeOver(db, NOW + 1000, mine, "w2"))).toBeNull();
    await uploads.drop(db, NOW, "cli_1", "med_1").run();
    expect(await first(uploads.takeOver(db, NOW, mine, "w2"))).toBeNull();
  });
});

test("the size of what we fetch is said once, by its writer", async () => {
  await insert({ size_bytes: null });
  await uploads.setSize(db, { ...mine, writer: "w2" }, 5).run();
  await uploads.setSize(db, { ...mine, writer: "w1" }, 7).run();
  await uploads.setSize(db, { ...mine, writer: "w1" }, 9).run();
  expect(await find()).toMatchObject({ size_bytes: 7 });
});

test("a list is a client's own, the newest first, by account", async () => {
  await put(env.DB, "accounts", accountRow({ id: "acc_2" }));
  for (const [id, account_id] of [
    ["med_1", "acc_1"],
    ["med_2", "acc_2"],
    ["med_3", "acc_1"],
  ] as const)
    await insert({ id, account_id });
  const ids = async (before: string, accounts: string[] | null, limit = 9) =>
    (await all<UploadRow>(uploads.list(db, "cli_1", before, accounts, limit))).map(({ id }) => id);
  expect(await ids("med_~", null)).toEqual(["med_3", "med_2", "med_1"]);
  expect(await ids("med_3", null, 1)).toEqual(["med_2"]);
  expect(await ids("med_~", ["acc_1"])).toEqual(["med_3", "med_1"]);
  await uploads.remove(db, "cli_1", "med_3").run();
  expect(await ids("med_~", ["acc_1"])).toEqual(["med_1"]);
});

test("to count bytes that are not the last ones costs one row", async () => {
  await insert();
  expect((await advance()).meta.rows_written).toBe(1);
});
