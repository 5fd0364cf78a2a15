import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { capAccount, capClient } from "#core/jobs/caps";
import { jobView } from "#core/jobs/view";
import { wake } from "#core/jobs/wake";
import { DAY_MS } from "#core/lib/clock";
import type { AllowanceRow } from "#core/store/allowances";
import * as clients from "#core/store/clients";
import * as gates from "#core/store/gates";
import { all } from "#core/store/sql";
import { createHarness, refused, tweeted, type Harness } from "../../support/harness.ts";

/** What X charges for a tweet, and for one with a URL. */
const TWEET = 15_000;
const WITH_URL = 200_000;
/** Long enough for everybody's turn behind a gate that opens. */
const A_WHILE = 300_000;

const capped = async (h: Harness, account: string, cap: number | null): Promise<void> => {
  const row = { id: account, client_id: h.clientId };
  await wake(h.consumer, await capAccount(h.consumer, row, cap, []), 1000);
};

const cappedClient = async (h: Harness, cap: number | null): Promise<void> => {
  const fields = { name: null, return_urls: null, daily_cap: cap };
  const change = [clients.change(env.DB, h.clientId, fields)];
  await wake(h.consumer, await capClient(h.consumer, h.clientId, cap, change), 1000);
};

const postMany = async (h: Harness, account: string, count: number, from = 0): Promise<string[]> => {
  const ids: string[] = [];
  for (let i = from; i < from + count; i++) {
    h.advance(1);
    ids.push(await h.post(account, `tweet ${i}`));
  }
  return ids;
};

/** What the API says that a job waits for. */
async function blockedOn(h: Harness, id: string) {
  const job = await h.job(id);
  const closed = await all<{ lane: string; name: string; reason: string; open_at: number }>(
    gates.closedFor(env.DB, h.now(), [job.lane]),
  );
  return jobView(job, h.consumer.kinds, h.now(), { closed, awaited: [] }).blocked_on;
}

const nextDay = async (h: Harness): Promise<void> => {
  h.advance(DAY_MS);
  await h.tick();
  await h.pass(A_WHILE);
};

const tomorrow = (h: Harness): string => new Date(h.now() - (h.now() % DAY_MS) + DAY_MS).toISOString();
const cost = async (db = env.DB): Promise<number> =>
  (await db.prepare("SELECT sum(cost) AS cost FROM usage").first<{ cost: number | null }>())?.cost ?? 0;
const allowance = (name: string, db = env.DB) =>
  db.prepare("SELECT * FROM allowances WHERE name = ?").bind(name).first<AllowanceRow>();

describe("a cap reached in the middle", () => {
  test("lets out what it pays for; the rest waits until tomorrow, says so, and spends no attempt", async () => {
    const h = await createHarness();
    const account = await h.account();
    await capped(h, account, 3 * TWEET + TWEET / 2);
    const ids = await postMany(h, account, 7);
    await h.pass(A_WHILE);
    expect(h.posted()).toEqual(["tweet 0", "tweet 1", "tweet 2"]);
    expect(await cost()).toBe(3 * TWEET);
    for (const id of ids.slice(3)) {
      expect(await blockedOn(h, id)).toEqual({
        gate: `spend:${account}`,
        reason: "spend_cap",
        until: tomorrow(h),
      });
      expect(await h.job(id)).toMatchObject({ state: "queued", attempts: 0, error: null });
    }
  });

  test("says so as soon as it is reached", async () => {
    const h = await createHarness();
    const account = await h.account();
    await capped(h, account, TWEET);
    const [, second = ""] = await postMany(h, account, 2);
    await h.pass(1000);
    expect(await blockedOn(h, second)).toMatchObject({ reason: "spend_cap", until: tomorrow(h) });
  });

  test("and raised posts the rest, in order, and no more than it pays for then", async () => {
    const h = await createHarness();
    const account = await h.account();
    await capped(h, account, 2 * TWEET);
    await postMany(h, account, 6);
    await h.pass(A_WHILE);
    await capped(h, account, 5 * TWEET);
    await h.pass(1000);
    expect(h.posted()).toEqual([0, 1, 2, 3, 4].map((i) => `tweet ${i}`));
    await h.pass(A_WHILE);
    expect(await cost()).toBe(5 * TWEET);
  });

  test.each<[string, (h: Harness, account: string) => Promise<unknown>]>([
    ["removed", (h, account) => capped(h, account, null)],
    ["over with the day", (h) => nextDay(h)],
  ])("and %s posts the rest", async (_, lift) => {
    const h = await createHarness();
    const account = await h.account({ expires_in_ms: 3 * DAY_MS });
    await capped(h, account, 2 * TWEET);
    await postMany(h, account, 4);
    await h.pass(A_WHILE);
    await lift(h, account);
    await h.pass(1000);
    expect(h.posted()).toHaveLength(4);
  });

  test("waits with the dear tweet that it does not pay for, also when it would pay for the next", async () => {
    const h = await createHarness();
    const account = await h.account();
    await capped(h, account, 4 * TWEET);
    await h.post(account, "cheap");
    h.advance(1);
    const dear = await h.post(account, "https://example.com/", { cost_estimated: WITH_URL });
    h.advance(1);
    await h.post(account, "cheap again");
    await h.pass(A_WHILE);
    expect(h.posted()).toEqual(["cheap"]);
    expect(await blockedOn(h, dear)).toMatchObject({ reason: "spend_cap" });
  });

  test("counts what was spent before it was set, and what is under way", async () => {
    const h = await createHarness();
    const account = await h.account();
    await postMany(h, account, 2);
    await h.turn();
    await capped(h, account, 3 * TWEET);
    await postMany(h, account, 3, 2);
    await h.pass(A_WHILE);
    expect(h.posted()).toHaveLength(3);
  });

  test("is not overrun by a turn that took its lane before the cap was set", async () => {
    const h = await createHarness();
    const account = await h.account();
    await postMany(h, account, 5);
    let calls = 0;
    h.answer(async () => {
      if (++calls === 2) await capped(h, account, 3 * TWEET);
      return tweeted();
    });
    await h.pass(A_WHILE);
    expect(h.posted()).toHaveLength(3);
    expect(await cost()).toBe(3 * TWEET);
  });

  test("is given back what X refused", async () => {
    const h = await createHarness();
    const account = await h.account();
    await capped(h, account, 2 * TWEET);
    h.answer(({ body }) =>
      (body as { text: string }).text === "tweet 0" ? refused(403, "not you") : tweeted(),
    );
    await postMany(h, account, 4);
    await h.pass(A_WHILE);
    expect(h.posted()).toEqual(["tweet 0", "tweet 1", "tweet 2"]);
    expect(await cost()).toBe(2 * TWEET);
  });

  test("holds no job that costs nothing", async () => {
    const h = await createHarness();
    const account = await h.account();
    await capped(h, account, 0);
    await h.post(account, "free", { cost_estimated: 0 });
    await h.pass(1000);
    expect(h.posted()).toEqual(["free"]);
  });

  test("lets the others of a client go on that it still pays for, beside a dear tweet", async () => {
    const h = await createHarness();
    const [dear, cheap] = [await h.account(), await h.account()];
    await cappedClient(h, 30 * TWEET);
    await h.post(dear, "https://example.com/", { cost_estimated: 100 * TWEET });
    await postMany(h, cheap, 35);
    await h.pass(A_WHILE);
    expect(h.posted()).toHaveLength(30);
  });

  test("holds nobody else", async () => {
    const h = await createHarness();
    const [poor, rich] = [await h.account(), await h.account()];
    await capped(h, poor, 0);
    await postMany(h, poor, 2);
    await postMany(h, rich, 2, 2);
    await h.pass(1000);
    expect(h.posted()).toEqual(["tweet 2", "tweet 3"]);
  });
});

describe("a client's cap", () => {
  test("is shared by its accounts", async () => {
    const h = await createHarness();
    const accounts = [await h.account(), await h.account(), await h.account()];
    await cappedClient(h, 4 * TWEET);
    for (const [index, account] of accounts.entries()) await postMany(h, account, 4, 10 * index);
    await h.pass(A_WHILE);
    expect(h.posted()).toHaveLength(4);
    await cappedClient(h, 10 * TWEET);
    await h.pass(A_WHILE);
    expect(h.posted()).toHaveLength(10);
    await cappedClient(h, null);
    await h.pass(A_WHILE);
    expect(h.posted()).toHaveLength(12);
  });

  test("and an account's hold both", async () => {
    const h = await createHarness();
    const account = await h.account();
    await cappedClient(h, 3 * TWEET);
    await capped(h, account, 5 * TWEET);
    await postMany(h, account, 6);
    await h.pass(A_WHILE);
    expect(h.posted()).toHaveLength(3);
    await cappedClient(h, 9 * TWEET);
    await h.pass(A_WHILE);
    expect(h.posted()).toHaveLength(5);
  });

  test("over two databases is used up, and never overrun", async () => {
    const h = await createHarness({ sharded: true });
    const [here, there] = [await h.account(), await h.account({ shard: "1" })];
    await cappedClient(h, 30 * TWEET);
    await postMany(h, there, 28);
    await h.pass(A_WHILE);
    expect(h.posted()).toHaveLength(28);
    await postMany(h, here, 25, 100);
    await postMany(h, there, 25, 200);
    await h.pass(A_WHILE);
    expect(h.posted()).toHaveLength(30);
    expect((await cost()) + (await cost(env.DB_1))).toBe(30 * TWEET);
    expect(await allowance(`spend:${h.clientId}`)).toMatchObject({ limit: 30 * TWEET, used: 30 * TWEET });
  });

  test("over two databases is lent anew each day", async () => {
    const h = await createHarness({ sharded: true });
    const there = await h.account({ shard: "1", expires_in_ms: 3 * DAY_MS });
    await cappedClient(h, 3 * TWEET);
    await postMany(h, there, 8);
    await h.pass(A_WHILE);
    expect(h.posted()).toHaveLength(3);
    await nextDay(h);
    expect(h.posted()).toHaveLength(6);
    await nextDay(h);
    expect(h.posted()).toHaveLength(8);
  });

  test("counts what was spent on all databases before it was set, and lowered takes back what was lent", async () => {
    const h = await createHarness({ sharded: true });
    const [here, there] = [await h.account(), await h.account({ shard: "1" })];
    await postMany(h, here, 2);
    await postMany(h, there, 2, 10);
    await h.pass(1000);
    await cappedClient(h, 6 * TWEET);
    await postMany(h, there, 1, 20);
    await h.pass(1000);
    await cappedClient(h, 5 * TWEET);
    await postMany(h, there, 3, 30);
    await h.pass(A_WHILE);
    expect(h.posted()).toHaveLength(5);
    await cappedClient(h, 7 * TWEET);
    await h.pass(A_WHILE);
    expect(h.posted()).toHaveLength(7);
  });
});
