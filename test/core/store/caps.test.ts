import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import type { AllowanceRow } from "#core/store/allowances";
import * as caps from "#core/store/caps";
import type { Loan, Shortage } from "#core/store/caps";
import { all, first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { accountRow, empty, jobIn, NOW, put, putLane } from "../../support/rows.ts";

const db = strict(env.DB);
const DAY = 86_400_000;
const TODAY = NOW - (NOW % DAY);
const LANE = "tweets:acc_1";
const account = { client_id: "cli_1", account_id: "acc_1", lane_names: ["tweets", "deletes"] };
const client = { ...account, account_id: null };

beforeEach(async () => {
  await empty(env.DB);
  await put(env.DB, "accounts", accountRow());
  await put(env.DB, "accounts", accountRow({ id: "acc_2", x_user_id: "2" }));
});

const row = (id: string) =>
  env.DB.prepare("SELECT * FROM allowances WHERE name = ?").bind(`spend:${id}`).first<AllowanceRow>();
const spent = (account_id: string, cost: number, day = TODAY) =>
  put(env.DB, "usage", { client_id: "cli_1", day, account_id, cost });
const putClient = (daily_cap: number | null) =>
  put(env.DB, "clients", { id: "cli_1", name: "n", return_urls: "[]", created_at: NOW, daily_cap });

describe("a cap that is set", () => {
  test("counts what its account has spent today, and not what others have or yesterday", async () => {
    await spent("acc_1", 70);
    await spent("acc_2", 7);
    await spent("acc_1", 1000, TODAY - DAY);
    await caps.put(db, NOW, account, 100).run();
    expect(await row("acc_1")).toMatchObject({ limit: 100, used: 70, resets_at: TODAY + DAY, lent: 0 });
  });

  test("counts what X may be billing for what is under way", async () => {
    await putLane(env.DB, { lane: LANE });
    await put(env.DB, "jobs", jobIn("running", { lane: LANE, cost_estimated: 50, cost_actual: 20 }));
    await caps.put(db, NOW, account, 100).run();
    expect(await row("acc_1")).toMatchObject({ used: 30 });
  });

  test("again keeps what was used", async () => {
    await caps.put(db, NOW, account, 100).run();
    await env.DB.prepare("UPDATE allowances SET used = 60").run();
    await caps.put(db, NOW, account, 50).run();
    expect(await row("acc_1")).toMatchObject({ limit: 50, used: 60 });
  });

  test("stops those who hold its lanes, and nobody else", async () => {
    const held = { lease: "lse_1", leased_until: NOW + 1 };
    await putLane(env.DB, { lane: LANE, ...held });
    await putLane(env.DB, { lane: "tweets:acc_2", account_id: "acc_2", ...held });
    await caps.stop(db, NOW, account).run();
    expect(await all(db.prepare("SELECT lane, money FROM lanes ORDER BY lane"))).toEqual([
      { lane: LANE, money: 0 },
      { lane: "tweets:acc_2", money: null },
    ]);
  });

  test("and removed leaves no gate, and its lanes are due", async () => {
    await caps.put(db, NOW, account, 100).run();
    await put(env.DB, "gates", {
      name: "spend:acc_1",
      open_at: NOW + DAY,
      reason: "spend_cap",
      updated_at: NOW,
    });
    await putLane(env.DB, { lane: LANE, next_at: NOW + DAY });
    await putLane(env.DB, { lane: "tweets:acc_2", next_at: NOW + DAY });
    await caps.remove(db, account).run();
    expect(await all(caps.hurry(db, NOW, account))).toEqual([{ lane: LANE, wait_ms: 0 }]);
    await caps.open(db, account).run();
    expect(await row("acc_1")).toBeNull();
    expect(await all(db.prepare("SELECT * FROM gates"))).toEqual([]);
  });
});

describe("a client's cap", () => {
  test("allows nothing new until all databases know of it", async () => {
    await putClient(100);
    await spent("acc_1", 10);
    await spent("acc_2", 20);
    await caps.begin(db, NOW, client, 100).run();
    expect(await row("cli_1")).toMatchObject({ limit: 0, used: 30 });
    for (let time = 0; time < 2; time++) await caps.settle(db, NOW, client, 40).run();
    expect(await row("cli_1")).toMatchObject({ limit: 100, used: 70 });
  });

  test("that was taken away meanwhile is not settled", async () => {
    await putClient(null);
    await caps.begin(db, NOW, client, 100).run();
    await caps.settle(db, NOW, client, 0).run();
    expect(await row("cli_1")).toMatchObject({ limit: 0 });
  });

  test("on another database begins with nothing left, and forfeits what it was lent", async () => {
    await spent("acc_1", 30);
    expect(await all(caps.beginAway(db, NOW, client))).toEqual([{ used: 30 }]);
    expect(await row("cli_1")).toMatchObject({ limit: 30, used: 30, lent: 1 });
    await env.DB.prepare('UPDATE allowances SET "limit" = 90, used = 50').run();
    expect(await all(caps.beginAway(db, NOW, client))).toEqual([{ used: 50 }]);
    expect(await row("cli_1")).toMatchObject({ limit: 50, used: 50 });
  });

  test("on another database that has no account yet is followed once", async () => {
    await caps.follow(db, NOW, "cli_1").run();
    await env.DB.prepare('UPDATE allowances SET "limit" = 5').run();
    await caps.follow(db, NOW, "cli_1").run();
    expect(await row("cli_1")).toMatchObject({ limit: 5, used: 0, lent: 1 });
  });
});

describe("lending", () => {
  const lend = (want: number, least: number, now = NOW) =>
    first<Loan>(caps.lend(db, now, { client_id: "cli_1", want, least }));
  const ofAHundred = async (used: number) => {
    await caps.put(db, NOW, client, 100).run();
    await env.DB.prepare("UPDATE allowances SET used = ?").bind(used).run();
  };

  test.each([
    [20, 80, 10, 80, 100],
    [20, 90, 10, 80, 100],
    [90, 50, 10, 10, 100],
    [95, 50, 10, undefined, 95],
    [120, 50, 10, undefined, 120],
  ])("with %i used: of %i wanted and %i needed %s", async (used, want, least, lent, after) => {
    await ofAHundred(used);
    expect((await lend(want, least))?.amount).toBe(lent);
    expect(await row("cli_1")).toMatchObject({ used: after });
  });

  test("begins anew on the next day", async () => {
    await ofAHundred(100);
    expect(await lend(30, 30, TODAY + DAY)).toEqual({ amount: 30, resets_at: TODAY + 2 * DAY });
    expect(await row("cli_1")).toMatchObject({ used: 30, since: TODAY + DAY });
  });

  test("is good for the day that it was lent for", async () => {
    await caps.follow(db, NOW, "cli_1").run();
    await caps.receive(db, "cli_1", { amount: 30, resets_at: TODAY + 2 * DAY }).run();
    expect(await row("cli_1")).toMatchObject({ limit: 0 });
    await caps.receive(db, "cli_1", { amount: 30, resets_at: TODAY + DAY }).run();
    expect(await row("cli_1")).toMatchObject({ limit: 30 });
  });

  test("is asked for what is due, less what is left", async () => {
    await caps.follow(db, NOW, "cli_1").run();
    await env.DB.prepare('UPDATE allowances SET "limit" = 10, short = 1').run();
    const gates = JSON.stringify(["x", "a", "b", "c", "d", "spend:cli_1", "spend:acc_1"]);
    await putLane(env.DB, { lane: LANE, gates });
    for (const id of ["job_1", "job_2"])
      await put(env.DB, "jobs", jobIn("queued", { id, lane: LANE, cost_estimated: 25 }));
    expect(await all<Shortage>(caps.shortages(db, NOW, [LANE]))).toEqual([
      { client_id: "cli_1", want: 40, least: 15 },
    ]);
    await env.DB.prepare("UPDATE allowances SET lent = 0").run();
    expect(await all(caps.shortages(db, NOW, [LANE]))).toEqual([]);
  });
});
