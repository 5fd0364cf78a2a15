import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { MINUTE_MS } from "#core/lib/clock";
import * as gates from "#core/store/gates";
import type { JobRow } from "#core/store/jobs";
import { all } from "#core/store/sql";
import { createHarness, refused, tweeted, type Harness } from "../../support/harness.ts";
import { lookout } from "../../support/lookout.ts";

// What the engine does when a part of X is out of order.

const SECOND = 1000;

/** Accounts with one tweet each, all posted at once. */
async function crowd(h: Harness, count: number) {
  const made: { account: string; job: string }[] = [];
  for (let i = 0; i < count; i++) {
    const account = await h.account();
    made.push({ account, job: await h.post(account, `tweet ${i}`) });
  }
  return {
    made,
    states: async () => {
      const rows: JobRow[] = await Promise.all(made.map(({ job }) => h.job(job)));
      return Object.fromEntries(Map.groupBy(rows, ({ state }) => state)) as Record<string, JobRow[]>;
    },
  };
}

/** X's edge is down: it acts on nothing and says so with a 503. */
const down = () => refused(503, "Service Unavailable");

const blockedOn = async (h: Harness, account: string) =>
  all<{ name: string; reason: string; open_at: number }>(
    gates.closedFor(env.DB, h.now(), [`tweets:${account}`]),
  );

describe("a part of X that fails", () => {
  test("is left alone after ten faults, whoever met them, and says so to those who wait", async () => {
    const h = await createHarness({ concurrency: 1 });
    h.answer(down);
    const { made } = await crowd(h, 30);
    await h.turn();
    expect(h.calls).toHaveLength(10);
    expect(await h.gate("x:tweets")).toMatchObject({ faults: 10, open_at: h.now() + 30 * SECOND });
    const waiting = made.at(-1)?.account ?? "";
    expect(await blockedOn(h, waiting)).toMatchObject([{ name: "x:tweets", reason: "x_unavailable" }]);
    await h.pass(29 * SECOND);
    expect(h.calls).toHaveLength(10);
  });

  test("is tried by one lane at a time, ever more seldom, and costs those who wait no attempt", async () => {
    const h = await createHarness({ concurrency: 1 });
    h.answer(down);
    const { states } = await crowd(h, 40);
    await h.pass(60 * MINUTE_MS);
    // 30 s, 1, 2, 4, 8, then every 15 minutes; each trial needs a wake-up of the clock.
    const trials = h.posted().length - 10;
    expect(trials).toBeGreaterThanOrEqual(5);
    expect(trials).toBeLessThanOrEqual(9);
    const { queued = [] } = await states();
    expect(queued.length).toBeGreaterThanOrEqual(20);
    expect(queued.every(({ attempts }) => attempts === 0)).toBe(true);
  });

  test("is used again by all as soon as one of them has had an answer", async () => {
    const h = await createHarness({ concurrency: 1 });
    let isDown = true;
    h.answer((call) => {
      if (isDown) return down();
      return call.method === "GET" ? Response.json({ meta: { result_count: 0 } }) : tweeted();
    });
    const { states } = await crowd(h, 30);
    await h.pass(3 * MINUTE_MS);
    isDown = false;
    await h.pass(20 * MINUTE_MS);
    const { succeeded = [] } = await states();
    expect(succeeded).toHaveLength(30);
    expect(await h.gate("x:tweets")).toMatchObject({ faults: 0, probe: null });
  });

  test("is not written about while it is well", async () => {
    const h = await createHarness();
    await crowd(h, 5);
    await h.turn();
    expect(h.calls).toHaveLength(5);
    expect(await h.gate("x:tweets")).toBeNull();
  });

  test("is not blamed for what it refuses or puts off", async () => {
    const h = await createHarness({ concurrency: 1 });
    h.answer(({ path }) => (path === "/2/tweets" ? refused(403, "You are not permitted") : down()));
    await crowd(h, 15);
    await h.turn();
    expect(h.calls).toHaveLength(15);
    expect(await h.gate("x:tweets")).toBeNull();
  });
});

describe("looking for a tweet", () => {
  test("waits while X's reads are broken, and is blocked on them", async () => {
    const { h, x, account, post, lose, looks } = await lookout({});
    lose({ kind: "error", status: 503, when: "after" });
    const id = await post("lost");
    await h.turn();
    await env.DB.exec(
      `INSERT INTO gates (name, open_at, reason, faults, updated_at) VALUES ('x:reads', ${h.now() + 40 * SECOND}, 'x_unavailable', 10, 0)`,
    );
    x.setFaults([]);
    await h.pass(30 * SECOND);
    expect(looks()).toHaveLength(0);
    expect(await blockedOn(h, account)).toMatchObject([{ name: "x:reads" }]);
    await h.pass(2 * MINUTE_MS);
    expect(await h.job(id)).toMatchObject({ state: "succeeded" });
    expect(await h.gate("x:reads")).toMatchObject({ faults: 0 });
  });

  test("breaks X's reads when they fail, and posts nothing meanwhile", async () => {
    const { h, x, post, lose, looks, texts } = await lookout({});
    lose({ kind: "error", status: 503, when: "after" });
    const id = await post("once");
    await h.turn();
    x.setFaults([{ match: { method: "GET" }, fault: { kind: "error", status: 503, when: "before" } }]);
    await h.pass(20 * MINUTE_MS);
    expect(await h.gate("x:reads")).toMatchObject({ faults: 10 });
    // Every half minute until it broke, then when it was tried.
    expect(looks().length).toBeLessThan(20);
    x.setFaults([]);
    await h.pass(20 * MINUTE_MS);
    expect(await h.job(id)).toMatchObject({ state: "succeeded" });
    expect(texts()).toEqual(["once"]);
  });

  test("looks for the last time two minutes after the part was shut, and then posts it again", async () => {
    const { h, post, lose, looks, texts } = await lookout({});
    lose({ kind: "error", status: 503, when: "before" });
    const id = await post("never taken");
    await h.turn();
    const lost_at = h.now();
    const shut_at = lost_at + 60 * SECOND;
    await h.pass(60 * SECOND);
    await env.DB.exec(`UPDATE gates SET shut_at = ${shut_at} WHERE name = 'x:tweets'`);
    await h.pass(5 * MINUTE_MS);
    const last = looks().at(-1)?.at ?? 0;
    expect(last - shut_at).toBeGreaterThanOrEqual(120 * SECOND);
    expect(last - shut_at).toBeLessThan(125 * SECOND);
    expect(await h.job(id)).toMatchObject({ state: "succeeded" });
    expect(texts()).toEqual(["never taken"]);
  });
});

test("X's token endpoint is a part of its own: refreshes stop, tweets go on", async () => {
  const { h, x, refreshes } = await lookout({});
  x.setFaults([{ match: { path: "oauth2/token" }, fault: { kind: "error", status: 503, when: "before" } }]);
  for (let i = 0; i < 15; i++) await h.account({ refresh_token: `r${i}` });
  h.advance(96 * MINUTE_MS);
  await h.tick();
  await h.turn();
  expect(refreshes().length).toBeGreaterThanOrEqual(10);
  expect(await h.gate("x:oauth")).toMatchObject({ faults: 10 });
  expect(await h.gate("x:tweets")).toBeNull();
});
