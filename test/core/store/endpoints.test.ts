import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { openRing } from "#core/lib/seal";
import * as endpoints from "#core/store/endpoints";
import type { EndpointRow } from "#core/store/endpoints";
import { all, first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { TEST_RING } from "../../support/harness.ts";
import { putEndpoint } from "../../support/receiver.ts";
import { empty, NOW } from "../../support/rows.ts";

const db = strict(env.DB);
const ring = await openRing(TEST_RING, "WEBHOOK_KEYS");
const put = (more: Partial<EndpointRow> = {}, client_id = "cli_1") =>
  putEndpoint([db], ring, { client_id, events: ["*"], now: NOW }, more);
const now = (row: EndpointRow) => first<EndpointRow>(endpoints.find(db, row.client_id, row.id));

beforeEach(() => empty(env.DB));

test("an endpoint is added once, found, counted and listed as its client's", async () => {
  const [one, two] = [await put({ id: "whe_1" }), await put({ id: "whe_2" })];
  await put({ id: "whe_1", description: "again" });
  await put({ id: "whe_3" }, "cli_2");
  expect(await now(one)).toEqual(one);
  expect(await first(endpoints.count(db, "cli_1"))).toEqual({ count: 2 });
  expect(await all(endpoints.list(db, "cli_1", "whe_1", 5))).toEqual([two]);
  expect(await first(endpoints.find(db, "cli_1", "whe_3"))).toBeNull();
});

test("columns are set, and what is so already changes nothing", async () => {
  const row = await put();
  const set = () => endpoints.set(db, row, { url: null, description: "mine" }, NOW + 1).run();
  expect((await set()).meta.changes).toBe(1);
  expect((await set()).meta.changes).toBe(0);
  expect(await now(row)).toMatchObject({ url: null, description: "mine", updated_at: NOW + 1 });
});

test("a secret is replaced once, and the old one is kept with its time", async () => {
  const row = await put();
  await endpoints.rotate(db, row, "fresh", NOW + 5, NOW).run();
  await endpoints.rotate(db, row, "fresher", NOW + 5, NOW).run();
  expect(await now(row)).toMatchObject({
    secret: "fresh",
    old_secret: row.secret,
    old_secret_until: NOW + 5,
  });
});

test("failing is noted once, its client warned once, and recovering forgets both", async () => {
  const row = await put();
  await endpoints.warned(db, row, NOW).run();
  await endpoints.failing(db, row, NOW).run();
  await endpoints.failing(db, row, NOW + 1).run();
  expect(await now(row)).toMatchObject({ failing_since: NOW, warned_at: null });
  await endpoints.warned(db, row, NOW + 2).run();
  expect((await endpoints.warned(db, row, NOW + 3).run()).meta.changes).toBe(0);
  expect(await now(row)).toMatchObject({ warned_at: NOW + 2 });
  await endpoints.recovered(db, row).run();
  expect(await now(row)).toMatchObject({ failing_since: null, warned_at: null });
});

test("it is disabled once, touched, and removed", async () => {
  const row = await put();
  await endpoints.disable(db, row, "gone", NOW).run();
  expect((await endpoints.disable(db, row, "failing", NOW).run()).meta.changes).toBe(0);
  await endpoints.touch(db, row, NOW + 9).run();
  expect(await now(row)).toMatchObject({ state: "disabled", disabled_reason: "gone", updated_at: NOW + 9 });
  await endpoints.remove(db, row).run();
  expect(await now(row)).toBeNull();
});

test("endpoints of all clients are read page by page, and counted", async () => {
  const rows = [await put({ id: "whe_1" }), await put({ id: "whe_2" }), await put({ id: "whe_1" }, "cli_2")];
  const first_ = await all<EndpointRow>(endpoints.page(db, { client_id: "", id: "" }, 2));
  expect(first_).toEqual(rows.slice(0, 2));
  expect(await all(endpoints.page(db, first_[1] ?? { client_id: "", id: "" }, 2))).toEqual(rows.slice(2));
  expect(await first(endpoints.total(db))).toEqual({ count: 3 });
});

test("those that are missing are added as they are, but for how they did; the others stay", async () => {
  const known = await put({ id: "whe_1", description: "here" });
  const fresh: EndpointRow = { ...known, id: "whe_2", old_secret: "old", failing_since: NOW, warned_at: NOW };
  const added = await all(endpoints.insertMissing(db, [{ ...known, description: "there" }, fresh]));
  expect(added).toEqual([{ client_id: "cli_1", id: "whe_2", updated_at: NOW }]);
  expect(await now(known)).toEqual(known);
  expect(await now(fresh)).toEqual({ ...fresh, failing_since: null, warned_at: null });
});
