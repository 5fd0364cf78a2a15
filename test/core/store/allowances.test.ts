import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { NEVER } from "#core/lib/clock";
import * as allowances from "#core/store/allowances";
import type { AllowanceRow, AppWindows } from "#core/store/allowances";
import type { GateRow } from "#core/store/gates";
import * as lanes from "#core/store/lanes";
import type { LaneRow } from "#core/store/lanes";
import { strict } from "../../support/database.ts";
import { empty, jobIn, NOW, put, putLane } from "../../support/rows.ts";

const db = strict(env.DB);
const DAY = 86_400_000;
const LEASE_MS = 75_000;
const MARGIN = 15_000;
const TODAY = NOW - (NOW % DAY);
const APP = "app:app_1:POST /2/tweets";
const A_HUNDRED: AppWindows = { "POST /2/tweets": 100 };

beforeEach(() => empty(env.DB));

const laneOf = (name: string) => `tweets:acc_${name}`;

/** A lane of an account with so many jobs that are due, each at that price. */
async function putWork(
  name: string,
  jobs: number,
  of: { price?: number; served_at?: number; client?: string } = {},
) {
  const lane = laneOf(name);
  const gates = [
    "x:tweets",
    "app:app_1",
    `account:acc_${name}`,
    "window",
    APP,
    `spend:${of.client ?? "cli_1"}`,
    `spend:acc_${name}`,
  ];
  await putLane(env.DB, {
    lane,
    account_id: `acc_${name}`,
    gates: JSON.stringify(gates),
    served_at: of.served_at ?? 0,
  });
  for (let i = 0; i < jobs; i++)
    await put(
      env.DB,
      "jobs",
      jobIn("queued", { id: `job_${name}${i}`, lane, cost_estimated: of.price ?? 0 }),
    );
}

/** Take lanes as a commit does: what they are given. */
async function take(names: string[], of: { now?: number; lease?: string; windows?: AppWindows } = {}) {
  const { now = NOW, lease = "lse_1", windows = A_HUNDRED } = of;
  const wanted = names.map(laneOf);
  await db.batch([
    allowances.take(db, now, lease, wanted, windows, LEASE_MS),
    lanes.lease(db, now, lease, wanted, LEASE_MS, windows),
  ]);
  return Promise.all(names.map(async (name) => (await laneRow(name)).calls));
}

const laneRow = async (name: string): Promise<LaneRow> => {
  const row = await env.DB.prepare("SELECT * FROM lanes WHERE lane = ?").bind(laneOf(name)).first<LaneRow>();
  if (!row) throw new Error(`no lane of ${name}`);
  return row;
};
const allowance = (name = APP) =>
  env.DB.prepare("SELECT * FROM allowances WHERE name = ?").bind(name).first<AllowanceRow>();
const gate = (name = APP) => env.DB.prepare("SELECT * FROM gates WHERE name = ?").bind(name).first<GateRow>();

/** Give lanes back, having used so much. */
const leave = (name: string, calls: number, of: { now?: number; lease?: string; money?: number } = {}) => {
  const { now = NOW, lease = "lse_1", money = 0 } = of;
  return db.batch([
    allowances.giveBack(db, now, lease, [{ lane: laneOf(name), calls, money }], LEASE_MS),
    lanes.handBack(db, now, lease, [{ ...lanes.untouched(laneOf(name)), calls }]),
  ]);
};
const shut = (names: string[], of: { now?: number; lease?: string } = {}) =>
  allowances.shut(db, of.now ?? NOW, of.lease ?? "lse_1", names.map(laneOf), A_HUNDRED, LEASE_MS).run();

const putUsed = (used: number, change: Partial<AllowanceRow> = {}) =>
  put(env.DB, "allowances", {
    name: APP,
    used,
    since: NOW - DAY / 2,
    late_from: NOW + DAY / 2 - LEASE_MS,
    resets_at: NOW + DAY / 2,
    ...change,
  });
const putCap = (name: string, limit: number, used = 0) =>
  put(env.DB, "allowances", { name, limit, used, since: TODAY, late_from: NEVER, resets_at: TODAY + DAY });

describe("a lane that is taken", () => {
  test("is given as many calls as it has jobs that are due", async () => {
    await putWork("a", 3);
    expect(await take(["a"])).toEqual([3]);
    expect(await allowance()).toMatchObject({ used: 3, resets_at: NOW + DAY + LEASE_MS + MARGIN });
  });

  test("is given a quantum at most: then it is the turn of others", async () => {
    await putWork("a", 25);
    expect(await take(["a"])).toEqual([20]);
  });

  test("is given no more than its account's own window has left", async () => {
    await putWork("a", 25);
    const window = JSON.stringify({ limit: 100, remaining: 7, resets_at: NOW + 1 });
    await env.DB.prepare("UPDATE lanes SET window = ?").bind(window).run();
    expect(await take(["a"])).toEqual([7]);
  });

  test("is given nothing to count where no window is configured", async () => {
    await putWork("a", 3);
    expect(await take(["a"], { windows: {} })).toEqual([null]);
    expect(await allowance()).toBeNull();
  });

  test("is given nothing, and nothing is counted, while another holds it", async () => {
    await putWork("a", 3);
    await take(["a"]);
    await take(["a"], { lease: "lse_2" });
    expect(await laneRow("a")).toMatchObject({ lease: "lse_1", calls: 3 });
    expect(await allowance()).toMatchObject({ used: 3 });
  });

  test("is counted once although the commit that takes it is sent twice", async () => {
    await putWork("a", 3);
    await take(["a"]);
    expect(await take(["a"])).toEqual([3]);
    expect(await allowance()).toMatchObject({ used: 3 });
  });

  test("and whose holder died has used up what it took", async () => {
    await putWork("a", 3);
    await take(["a"]);
    await take(["a"], { now: NOW + LEASE_MS, lease: "lse_2" });
    expect(await allowance()).toMatchObject({ used: 6 });
  });

  test("beside others takes one row of them all", async () => {
    for (const name of ["a", "b", "c"]) await putWork(name, 5);
    expect(await take(["a", "b", "c"])).toEqual([5, 5, 5]);
    expect(await allowance()).toMatchObject({ used: 15 });
  });
});

describe("the end of a window", () => {
  test("is given to the last call", async () => {
    await putUsed(99);
    await putWork("a", 3);
    expect(await take(["a"])).toEqual([1]);
    expect(await allowance()).toMatchObject({ used: 100, short: 0 });
  });

  test("goes to those who were served the longest ago", async () => {
    await putUsed(70);
    await putWork("a", 25, { served_at: 30 });
    await putWork("b", 25, { served_at: 10 });
    await putWork("c", 25, { served_at: 20 });
    expect(await take(["a", "b", "c"])).toEqual([0, 20, 10]);
    expect(await allowance()).toMatchObject({ used: 100, short: 1 });
  });

  test("closes the gate until what others hold has come back, and then until the reset", async () => {
    await putUsed(90);
    await putWork("a", 25);
    await putWork("b", 25, { served_at: 1 });
    await take(["a", "b"]);
    await shut(["a", "b"]);
    expect(await gate()).toMatchObject({
      open_at: NOW + LEASE_MS,
      reason: "rate_limited",
      limit: 100,
      remaining: 0,
    });
    await leave("b", 0);
    expect(await laneRow("b")).toMatchObject({ lease: null, calls: null });
    await env.DB.prepare("UPDATE lanes SET next_at = ?").bind(NOW).run();
    await take(["b"], { now: NOW + LEASE_MS, lease: "lse_2" });
    await shut(["b"], { now: NOW + LEASE_MS, lease: "lse_2" });
    expect(await gate()).toMatchObject({ open_at: NOW + DAY / 2 });
  });

  test("is followed by a window that begins with its first call", async () => {
    await putUsed(100, { resets_at: NOW });
    await putWork("a", 3);
    expect(await take(["a"])).toEqual([3]);
    expect(await allowance()).toMatchObject({
      used: 3,
      since: NOW,
      late: 0,
      resets_at: NOW + DAY + LEASE_MS + MARGIN,
    });
  });

  test("counts what was taken late into the next as well: X may count it there", async () => {
    await putUsed(10, { late_from: NOW - 1 });
    await putWork("a", 3);
    await take(["a"]);
    expect(await allowance()).toMatchObject({ used: 13, late: 3 });
    await putWork("b", 2);
    const now = NOW + DAY / 2;
    await take(["b"], { now, lease: "lse_2" });
    expect(await allowance()).toMatchObject({ used: 5, late: 0, since: NOW - 1, late_from: NOW - 1 + DAY });
  });

  test("forgets what was taken late once X's next window must be over, too", async () => {
    await putUsed(10, { late: 4, resets_at: NOW - DAY });
    await putWork("a", 3);
    await take(["a"]);
    expect(await allowance()).toMatchObject({ used: 3, since: NOW });
  });
});

describe("what a lane gives back", () => {
  test("is there for others, once", async () => {
    await putWork("a", 20);
    await take(["a"]);
    await leave("a", 15);
    await leave("a", 15);
    expect(await allowance()).toMatchObject({ used: 15 });
  });

  test("never hides what X has counted", async () => {
    await putWork("a", 20);
    await take(["a"]);
    await env.DB.prepare("UPDATE allowances SET seen = 18").run();
    await leave("a", 15);
    expect(await allowance()).toMatchObject({ used: 18 });
  });

  test("is not taken from a day that it was not counted in", async () => {
    await putWork("a", 20, { price: 10 });
    await putCap("spend:acc_a", 1000);
    await take(["a"], { now: TODAY + DAY - 1 });
    await env.DB.prepare("UPDATE allowances SET since = ?, used = 50 WHERE name GLOB 'spend:*'")
      .bind(TODAY + DAY)
      .run();
    await leave("a", 20, { now: TODAY + DAY + 5 });
    expect(await allowance("spend:acc_a")).toMatchObject({ used: 50 });
  });
});

describe("a cap on money", () => {
  test("of an account and of its client are both taken from, by the price of what is due", async () => {
    await putWork("a", 3, { price: 100 });
    await putCap("spend:acc_a", 1000);
    await putCap("spend:cli_1", 500);
    await take(["a"]);
    expect(await laneRow("a")).toMatchObject({ money: 300 });
    expect([(await allowance("spend:acc_a"))?.used, (await allowance("spend:cli_1"))?.used]).toEqual([
      300, 300,
    ]);
    await leave("a", 1, { money: 100 });
    expect([(await allowance("spend:acc_a"))?.used, (await allowance("spend:cli_1"))?.used]).toEqual([
      100, 100,
    ]);
  });

  test("that does not pay for the first job gives nothing, takes no call of the app, and closes its gate until tomorrow", async () => {
    await putWork("a", 3, { price: 100 });
    await putCap("spend:acc_a", 1000, 950);
    await putCap("spend:cli_1", 5000);
    expect(await take(["a"])).toEqual([0]);
    expect(await laneRow("a")).toMatchObject({ money: 0 });
    await shut(["a"]);
    expect(await gate("spend:acc_a")).toMatchObject({ open_at: TODAY + DAY, reason: "spend_cap" });
    expect(await gate("spend:cli_1")).toBeNull();
    expect(await allowance()).toBeNull();
  });

  test("begins anew on the next day in UTC", async () => {
    await putWork("a", 3, { price: 100 });
    await putCap("spend:acc_a", 300, 300);
    await take(["a"], { now: TODAY + DAY + 7 });
    expect(await allowance("spend:acc_a")).toMatchObject({
      used: 300,
      since: TODAY + DAY,
      late_from: NEVER,
      resets_at: TODAY + 2 * DAY,
    });
    expect(await laneRow("a")).toMatchObject({ money: 300, calls: 3 });
  });

  test("is left to others by a lane whose first job it does not pay for", async () => {
    await putCap("spend:cli_1", 250);
    await putWork("a", 1, { price: 1000, served_at: 1 });
    await putWork("b", 2, { price: 100, served_at: 2 });
    await take(["a", "b"]);
    expect([(await laneRow("a")).money, (await laneRow("b")).money]).toEqual([0, 200]);
  });

  test("is shared by a client's lanes", async () => {
    await putCap("spend:cli_1", 250);
    await putWork("a", 2, { price: 100, served_at: 1 });
    await putWork("b", 2, { price: 100, served_at: 2 });
    await take(["b", "a"]);
    expect([(await laneRow("a")).money, (await laneRow("b")).money]).toEqual([200, 0]);
  });
});
