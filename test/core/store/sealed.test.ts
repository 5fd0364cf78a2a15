import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import type { AccountRow } from "#core/store/accounts";
import * as sealed from "#core/store/sealed";
import { all, first } from "#core/store/sql";
import { createHarness } from "../../support/harness.ts";
import { strict } from "../../support/database.ts";
import { accountRow, empty, NOW, put } from "../../support/rows.ts";

const db = strict(env.DB);

beforeEach(() => empty(env.DB));

const putAccount = (id: string, token: string | null, token_version = 1) =>
  put(env.DB, "accounts", accountRow({ id, token, token_version }));
const putApp = (id: string, secret: string | null) =>
  put(env.DB, "apps", { id, client_id: "cli_1", name: "", x_client_id: "x", secret, created_at: NOW });

describe("a page", () => {
  test("has the rows behind an id, also those that keep nothing, and no more than its limit", async () => {
    await putAccount("acc_1", "one");
    await putAccount("acc_2", null);
    await putAccount("acc_3", "three", 7);
    await putAccount("acc_4", "four");
    expect(await all(sealed.page(db, "accounts", "acc_1", 2))).toEqual([
      { id: "acc_2", version: 1, sealed: null },
      { id: "acc_3", version: 7, sealed: "three" },
    ]);
    expect(await all(sealed.page(db, "accounts", "acc_4", 2))).toEqual([]);
  });

  test("of apps has version 0 everywhere", async () => {
    await putApp("app_1", "one");
    await putApp("app_2", null);
    expect(await all(sealed.page(db, "apps", "", 9))).toEqual([
      { id: "app_1", version: 0, sealed: "one" },
      { id: "app_2", version: 0, sealed: null },
    ]);
  });
});

test("endpoints and clients have a line for each secret, and endpoints stand by their clients", async () => {
  const ofWebhooks = sealed.sealedBy("webhooks");
  expect(ofWebhooks).toEqual(["endpoints", "endpoints_old", "clients", "clients_old"]);
  expect(ofWebhooks.filter(sealed.isEverywhere)).toEqual(["endpoints", "endpoints_old"]);
  const h = await createHarness();
  const one = await h.endpoint(["*"]);
  h.advance(1);
  const two = await h.endpoint(["*"], { old_secret: "before" });
  const place = { client_id: h.clientId, id: one.id, version: 0, sealed: one.secret };
  expect(sealed.positionOf(place)).toBe(`${h.clientId}-${one.id}`);
  expect(await all(sealed.page(db, "endpoints", "", 1))).toEqual([place]);
  const behind = await all<sealed.SealedRow>(sealed.page(db, "endpoints_old", sealed.positionOf(place), 9));
  expect(behind).toEqual([{ client_id: h.clientId, id: two.id, version: 0, sealed: "before" }]);
  for (const row of behind) await sealed.replace(db, "endpoints_old", row, "after").run();
  const rows = await all(env.DB.prepare("SELECT secret, old_secret FROM endpoints ORDER BY id"));
  expect(rows).toEqual([
    { secret: one.secret, old_secret: null },
    { secret: two.secret, old_secret: "after" },
  ]);
  expect(await first(sealed.sample(db, "clients", "oldest", 9))).toBeNull();
});

describe("a sample", () => {
  const sampled = async (end: "oldest" | "youngest", among = 10) =>
    (await first<sealed.SealedRow>(sealed.sample(db, "accounts", end, among)))?.sealed;

  test("is the outermost of those that keep something", async () => {
    await putAccount("acc_1", null);
    for (const n of [2, 3, 4]) await putAccount(`acc_${n}`, `pair ${n}`);
    await putAccount("acc_5", null);
    expect([await sampled("oldest"), await sampled("youngest")]).toEqual(["pair 2", "pair 4"]);
  });

  test("is looked for among few rows, however many there are", async () => {
    for (const n of [1, 2, 3]) await putAccount(`acc_${n}`, null);
    await putAccount("acc_4", "pair 4");
    expect(await sampled("oldest", 3)).toBeUndefined();
    const { meta } = await sealed.sample(db, "accounts", "oldest", 2).run();
    expect(meta.rows_read).toBeLessThanOrEqual(4);
  });
});

describe("replacing", () => {
  const stored = async () =>
    (await first<{ token: string }>(env.DB.prepare("SELECT token FROM accounts")))?.token;
  const row = { id: "acc_1", version: 3, sealed: "before" };

  test("changes the text and nothing else", async () => {
    await putAccount("acc_1", "before", 3);
    await putAccount("acc_2", "before", 3);
    const rows = () => all<AccountRow>(env.DB.prepare("SELECT * FROM accounts ORDER BY id"));
    const [first, second] = await rows();
    expect((await sealed.replace(db, "accounts", row, "after").run()).meta.changes).toBe(1);
    expect(await rows()).toEqual([{ ...first, token: "after" }, second]);
  });

  test.each([
    ["the version has moved", "before", 4],
    ["the text has changed", "moved", 3],
    ["nothing is kept any more", null, 3],
  ])("changes nothing when %s", async (_, token, version) => {
    await putAccount("acc_1", token, version);
    expect((await sealed.replace(db, "accounts", row, "after").run()).meta.changes).toBe(0);
    expect(await stored()).toBe(token);
  });

  test("an app's secret is replaced as well", async () => {
    await putApp("app_1", "before");
    await sealed.replace(db, "apps", { id: "app_1", version: 0, sealed: "before" }, "after").run();
    expect(await all(sealed.page(db, "apps", "", 1))).toMatchObject([{ sealed: "after" }]);
  });
});
