import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { NEVER } from "#core/lib/clock";
import type { AllowanceRow } from "#core/store/allowances";
import * as readCaps from "#core/store/read-caps";
import { all } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { empty, NOW, put } from "../../support/rows.ts";

const db = strict(env.DB);
const DAY = 86_400_000;
const TODAY = NOW - (NOW % DAY);
const account = { id: "acc_1", client_id: "cli_1" };

beforeEach(() => empty(env.DB));

const putCap = (id: string, limit: number, used: number, change: Partial<AllowanceRow> = {}) =>
  put(env.DB, "allowances", {
    name: `spend:${id}`,
    limit,
    used,
    since: TODAY,
    late_from: NEVER,
    resets_at: TODAY + DAY,
    ...change,
  });
const used = async () =>
  (await all<AllowanceRow>(db.prepare("SELECT * FROM allowances ORDER BY name"))).map((row) => row.used);
const take = async (cost: number, now = NOW) =>
  (await readCaps.take(db, now, account, cost).run()).meta.changes;

test("what is left of an account's caps is found, and nobody else's", async () => {
  await putCap("acc_1", 100, 30);
  await putCap("acc_2", 100, 0);
  await putCap("cli_1", 50, 60, { lent: 1 });
  expect(await all(readCaps.find(db, NOW, account))).toEqual([
    { name: "spend:acc_1", rest: 70, lent: 0, resets_at: TODAY + DAY },
    { name: "spend:cli_1", rest: -10, lent: 1, resets_at: TODAY + DAY },
  ]);
});

test("what is taken is taken from both caps, or from none", async () => {
  await putCap("acc_1", 100, 0);
  await putCap("cli_1", 100, 60);
  expect(await take(40)).toBe(2);
  expect(await used()).toEqual([40, 100]);
  expect(await take(1)).toBe(0);
  expect(await used()).toEqual([40, 100]);
});

test("on a new day all is left again, but for what was lent", async () => {
  await putCap("acc_1", 100, 100);
  expect(await take(40, NOW + DAY)).toBe(1);
  expect(await used()).toEqual([40]);
  await putCap("cli_1", 100, 0, { lent: 1 });
  expect(await take(1, NOW + DAY)).toBe(0);
});

test("what a read did not cost is given back on the day that it was taken from", async () => {
  await putCap("acc_1", 100, 50);
  await readCaps.giveBack(db, account, { amount: 20, resets_at: TODAY + DAY }).run();
  await readCaps.giveBack(db, account, { amount: 20, resets_at: TODAY + 2 * DAY }).run();
  expect(await used()).toEqual([30]);
});
