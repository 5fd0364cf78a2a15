import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { Consumer } from "#core/jobs/engine";
import { rescueLane } from "#core/jobs/rescue";
import { again } from "#core/lib/outcome";
import * as jobs from "#core/store/jobs";
import { batchedBy } from "../../support/database.ts";
import { createHarness, rate, refused, tweeted, type Harness } from "../../support/harness.ts";
import { scriptedKind, withKinds } from "../../support/kinds.ts";

const SECOND = 1000;
const LEASE = 75 * SECOND;

/** Another Worker on the same database. Its own clock stands still, as that of a Worker that was suspended. */
const suspended = (h: Harness): Consumer => {
  const then = h.now();
  return { ...h.consumer, clock: { ...h.consumer.clock, now: () => then } };
};

/** X answers when the test says so. */
function heldAnswers(h: Harness) {
  const open: (() => void)[] = [];
  h.answer(
    () =>
      new Promise((resolve) =>
        open.push(() => {
          resolve(tweeted());
        }),
      ),
  );
  return {
    asked: async (count: number) => {
      while (h.calls.length < count) await h.consumer.clock.sleep(0);
    },
    answer: () => open.shift()?.(),
  };
}

describe("two owners of a lane never both send", () => {
  test("a lane that is held is left to its holder", async () => {
    const h = await createHarness();
    const account = await h.account();
    await h.post(account, "one");
    const x = heldAnswers(h);
    const first = h.turn();
    await x.asked(1);
    const before = await h.lane(`tweets:${account}`);
    expect(await h.deliver([{ lane: `tweets:${account}` }])).toEqual({ acked: 1, retried: 0 });
    expect(await h.lane(`tweets:${account}`)).toEqual(before);
    expect(h.messages).toEqual([]);
    x.answer();
    await first;
    expect(h.posted()).toEqual(["one"]);
  });

  test("a holder that outlived its lease settles nothing, claims nothing, gives nothing back, and says so", async () => {
    const h = await createHarness();
    const account = await h.account();
    const one = await h.remove(account, "1");
    h.advance(1);
    const two = await h.remove(account, "2");
    const lane = `deletes:${account}`;
    const x = heldAnswers(h);
    const late = h.turn(suspended(h));
    await x.asked(1);

    h.advance(LEASE + 1);
    const next = h.deliver([{ lane }]);
    await x.asked(2);
    const owner = await h.lane(lane);
    const held = [await h.job(one), await h.job(two)];
    expect(held).toMatchObject([
      { state: "running", crashes: 1, lease: owner?.lease },
      { state: "queued", lease: null },
    ]);

    x.answer();
    await late;
    expect([await h.job(one), await h.job(two)]).toEqual(held);
    expect(await h.lane(lane)).toEqual(owner);
    expect(h.calls).toHaveLength(2);
    expect(h.logged("jobs.fenced")).toEqual([{ event: "jobs.fenced", jobs: 1 }]);

    h.answer(() => Response.json({ data: { deleted: true } }));
    x.answer();
    await next;
    expect(h.calls.map(({ path }) => path)).toEqual(["/2/tweets/1", "/2/tweets/1", "/2/tweets/2"]);
  });

  test("a late claim claims nothing, also when nobody else holds the lane", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.remove(account, "1");
    h.advance(1);
    await h.remove(account, "2");
    const x = heldAnswers(h);
    const late = h.turn(suspended(h));
    await x.asked(1);
    h.advance(LEASE + 1);
    await rescueLane(h.consumer, `deletes:${account}`);
    const given = await h.job(id);
    expect(given).toMatchObject({ state: "waiting", lease: null });
    x.answer();
    await late;
    expect(await h.job(id)).toEqual(given);
    expect(h.calls).toHaveLength(1);
  });

  test("a holder with less than 50 s of its lease left does not send", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.post(account, "late");
    const slow = (ms: number): Consumer => ({
      ...h.consumer,
      tokens: {
        access: async () => {
          h.advance(ms);
          return "token";
        },
      },
    });
    await h.turn(slow(25 * SECOND + 1));
    expect(h.posted()).toEqual([]);
    expect(await h.job(id)).toMatchObject({ state: "waiting", attempts: 0, maybe_sent: 0 });
    await h.turn(slow(25 * SECOND));
    expect(h.posted()).toEqual(["late"]);
  });
});

test("a turn claims nothing after 15 s, and its lane is woken again at once", async () => {
  const h = await createHarness();
  const account = await h.account();
  for (const text of ["one", "two", "three"]) await h.post(account, text);
  h.answer(() => {
    h.advance(7.5 * SECOND);
    return tweeted();
  });
  await h.turn();
  expect(h.posted()).toHaveLength(2);
  expect(h.messages).toEqual([{ lane: `tweets:${account}`, at: h.now() }]);
  await h.turn();
  expect(h.posted()).toHaveLength(3);
});

describe("slots", () => {
  test("ten lanes share four slots: never more calls at once, and within three rounds each lane has had its turn", async () => {
    const h = await createHarness({ concurrency: 4 });
    const accounts = await Promise.all(Array.from({ length: 10 }, () => h.account()));
    for (const account of accounts) for (let i = 0; i < 3; i++) await h.post(account, `${account} ${i}`);
    let open = 0;
    let most = 0;
    h.answer(async () => {
      most = Math.max(most, ++open);
      await h.consumer.clock.sleep(0);
      open--;
      return tweeted();
    });
    await h.turn();
    expect(most).toBe(4);
    expect(h.posted()).toHaveLength(30);
    expect(
      new Set(
        h
          .posted()
          .slice(0, 12)
          .map((text) => text.split(" ")[0]),
      ).size,
    ).toBe(10);
  });
});

describe("a job that backs off", () => {
  const failOnce = (h: Harness) => {
    let failed = false;
    h.answer(() => {
      if (failed) return Response.json({ data: { deleted: true, id: "1" } });
      failed = true;
      return refused(503, "over capacity");
    });
  };
  const steady = scriptedKind({
    run: async ({ job_id }, { x }) => ({
      type: "done",
      result: await x.call(
        { name: "POST /2/tweets", method: "POST", path: "/2/tweets", repeatable: true },
        { body: { text: job_id }, expect: (json) => json as object },
      ),
    }),
  });

  test("in an ordered lane keeps its place: what is behind it waits", async () => {
    const h = await createHarness({ kinds: withKinds(steady) });
    const account = await h.account();
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      ids.push(await h.post(account, "", { kind: steady }));
      h.advance(1);
    }
    failOnce(h);
    await h.turn();
    expect(h.posted()).toEqual([ids[0]]);
    const backsOffUntil = h.now() + 5 * SECOND;
    expect(await h.lane(`tests:${account}`)).toMatchObject({ next_at: backsOffUntil, lease: null });
    await h.pass(5 * SECOND);
    expect(h.posted()).toEqual([ids[0], ...ids]);
    expect(h.calls[1]?.at).toBe(backsOffUntil);
  });

  test("is neither overtaken nor hurried by a job that comes meanwhile", async () => {
    const h = await createHarness({ kinds: withKinds(steady) });
    const account = await h.account();
    const first = await h.post(account, "", { kind: steady });
    failOnce(h);
    await h.turn();
    const backsOffUntil = h.now() + 5 * SECOND;
    h.advance(1);
    const second = await h.post(account, "", { kind: steady });
    await h.turn();
    expect(h.posted()).toEqual([first]);
    expect(await h.lane(`tests:${account}`)).toMatchObject({ next_at: backsOffUntil });
    await h.pass(5 * SECOND);
    expect(h.calls.map(({ body, at }) => [(body as { text: string }).text, at]).slice(1)).toEqual([
      [first, backsOffUntil],
      [second, backsOffUntil],
    ]);
  });

  test("goes to the end of the line if it may be done in any order", async () => {
    const h = await createHarness({ kinds: withKinds(steady) });
    const account = await h.account();
    const loose = await h.post(account, "", { kind: steady, any_order: true });
    h.advance(1);
    const next = await h.post(account, "", { kind: steady });
    h.advance(1);
    const last = await h.post(account, "", { kind: steady });
    failOnce(h);
    await h.turn();
    expect(h.posted()).toEqual([loose, next, last]);
    await h.pass(5 * SECOND);
    expect(h.posted()).toEqual([loose, next, last, loose]);
  });
});

test("a job that is given a new life goes to the end of its lane's line", async () => {
  const h = await createHarness();
  const account = await h.account();
  h.answer(() => refused(403, "You are not allowed to do this"));
  const id = await h.post(account, "again");
  await h.turn();
  expect(await h.job(id)).toMatchObject({ state: "failed" });
  h.advance(1);
  h.answer(() => tweeted());
  await h.post(account, "before");
  h.advance(1);
  await jobs.redrive(env.DB, h.now(), h.clientId, [id], 1000).run();
  await h.turn();
  expect(h.posted()).toEqual(["again", "before", "again"]);
  expect(await h.job(id)).toMatchObject({ state: "succeeded", attempts: 1 });
});

describe("work that comes while a lane is held is not lost", () => {
  test("it is done by the holder when it comes during a call that is not the lane's last", async () => {
    const h = await createHarness();
    const account = await h.account();
    await h.post(account, "first");
    h.advance(1);
    await h.post(account, "second");
    h.answer(async () => {
      h.answer(() => tweeted());
      h.advance(1);
      await h.post(account, "third");
      return tweeted();
    });
    await h.turn();
    expect(h.posted()).toEqual(["first", "second", "third"]);
    expect(h.messages).toEqual([]);
  });

  test("it is woken by the hand-back when it comes during the lane's last call", async () => {
    const h = await createHarness();
    const account = await h.account();
    await h.post(account, "first");
    h.answer(async () => {
      h.answer(() => tweeted());
      await h.post(account, "second");
      return tweeted();
    });
    await h.turn();
    expect(h.posted()).toEqual(["first"]);
    expect(h.messages).toHaveLength(1);
    await h.turn();
    expect(h.posted()).toEqual(["first", "second"]);
  });

  test("it is found by the hand-back when it comes after the last claim", async () => {
    const h = await createHarness();
    const account = await h.account();
    await h.post(account, "first");
    let commits = 0;
    h.wrapDatabase((db) =>
      batchedBy(db, async (statements) => {
        const results = await db.batch(statements);
        // Taken with the first claim; ended with a claim that finds nothing; then given back.
        if (++commits === 2) {
          h.wrapDatabase((plain) => plain);
          await h.post(account, "second");
        }
        return results;
      }),
    );
    await h.turn();
    expect(h.posted()).toEqual(["first"]);
    expect(h.messages).toEqual([{ lane: `tweets:${account}`, at: h.now() }]);
    await h.turn();
    expect(h.posted()).toEqual(["first", "second"]);
  });

  test("a wake-up that comes while the lane is held is not needed: the holder looks again before it lets go", async () => {
    const h = await createHarness();
    const account = await h.account();
    await h.post(account, "first");
    h.answer(async () => {
      h.answer(() => tweeted());
      await h.post(account, "soon", { run_at: h.now() + 30 * SECOND });
      await h.deliver([{ lane: `tweets:${account}` }]);
      h.messages.length = 0;
      return tweeted();
    });
    await h.turn();
    expect(h.messages).toEqual([{ lane: `tweets:${account}`, at: h.now() + 30 * SECOND }]);
  });

  test("a wake-up that comes early is sent again for the time that is due", async () => {
    const h = await createHarness();
    const account = await h.account();
    await h.post(account, "later", { run_at: h.now() + 60 * SECOND });
    h.messages.length = 0;
    await h.deliver([{ lane: `tweets:${account}` }]);
    expect(h.posted()).toEqual([]);
    expect(h.messages).toEqual([{ lane: `tweets:${account}`, at: h.now() + 60 * SECOND }]);
  });
});

test("a job that crashed its Worker twice runs alone: its neighbours' calls are over before it is called", async () => {
  const h = await createHarness({ concurrency: 4 });
  const [suspect, ...others] = await Promise.all(Array.from({ length: 4 }, () => h.account()));
  await h.remove(suspect ?? "", "666");
  for (let i = 0; i < 2; i++) await h.crash(`deletes:${suspect}`);
  for (const account of others) for (let i = 0; i < 2; i++) await h.remove(account, String(i));
  let open = 0;
  let openThen = -1;
  h.answer(async ({ path }) => {
    if (path.endsWith("/666")) openThen = open;
    open++;
    await h.consumer.clock.sleep(0);
    open--;
    return Response.json({ data: { deleted: true } });
  });
  await h.turn();
  expect(h.calls).toHaveLength(7);
  expect(h.calls.at(-1)?.path).toBe("/2/tweets/666");
  expect(openThen).toBe(0);
});

test("a job that must run alone is not put off for ever by lanes that are busy for whole turns", async () => {
  const h = await createHarness();
  const [suspect, busy] = [await h.account(), await h.account()];
  const id = await h.remove(suspect, "666");
  for (let i = 0; i < 2; i++) await h.crash(`deletes:${suspect}`);
  for (let i = 0; i < 30; i++) await h.post(busy, `tweet ${i}`);
  h.answer(({ method }) => {
    h.advance(5 * SECOND);
    return method === "POST" ? tweeted() : Response.json({ data: { deleted: true } });
  });
  await h.turn();
  expect(h.calls.map(({ method }) => method)).toEqual(["POST", "POST", "POST", "DELETE"]);
  expect(await h.job(id)).toMatchObject({ state: "succeeded", crashes: 2 });
});

describe("jobs whose time to be sent has passed", () => {
  test("end unsent as failed, several in one turn, and the next is sent", async () => {
    const h = await createHarness();
    const account = await h.account();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      ids.push(await h.post(account, `old ${i}`, { expires_at: h.now() + 1000 }));
      h.advance(1);
    }
    const fresh = await h.post(account, "fresh");
    h.advance(1000);
    await h.turn();
    expect(h.posted()).toEqual(["fresh"]);
    for (const id of ids) {
      const job = await h.job(id);
      expect(job).toMatchObject({ state: "failed", attempts: 0, open: null, finished_at: h.now() });
      expect(JSON.parse(job.error ?? "")).toMatchObject({ code: "expired" });
    }
    expect(await h.job(fresh)).toMatchObject({ state: "succeeded" });
  });

  test("end on time behind a closed gate", async () => {
    const h = await createHarness();
    const account = await h.account();
    h.answer(() => refused(402, "no credits"));
    await h.post(account, "first");
    h.advance(1);
    const id = await h.post(account, "second", { run_at: h.now(), expires_at: h.now() + 60 * SECOND });
    await h.turn();
    expect(await h.lane(`tweets:${account}`)).toMatchObject({ next_at: h.now() + 300 * SECOND });

    const other = await h.account();
    const brief = await h.post(other, "brief", { expires_at: h.now() + 60 * SECOND });
    await h.turn();
    expect(await h.lane(`tweets:${other}`)).toMatchObject({ next_at: h.now() + 60 * SECOND });
    await h.pass(60 * SECOND);
    expect(await h.job(brief)).toMatchObject({ state: "failed", finished_at: h.now() });
    expect(h.posted()).toEqual(["first"]);
    expect(await h.job(id)).toMatchObject({ state: "queued" });
  });
});

test("progress costs no attempt: a job goes on from its checkpoint after the time it asked for", async () => {
  const seen: unknown[] = [];
  const steps = scriptedKind({
    run: async ({ checkpoint }) => {
      seen.push(checkpoint);
      return seen.length < 5 ? again({ step: seen.length }, 10) : { type: "done", result: seen.length };
    },
  });
  const h = await createHarness({ kinds: withKinds(steps) });
  const id = await h.post(await h.account(), "", { kind: steps });
  await h.pass(39 * SECOND);
  expect(await h.job(id)).toMatchObject({ state: "waiting", attempts: 0 });
  await h.pass(1 * SECOND);
  expect(seen).toEqual([null, { step: 1 }, { step: 2 }, { step: 3 }, { step: 4 }]);
  expect(await h.job(id)).toMatchObject({ state: "succeeded", attempts: 1, result: "5" });
});

test.each([-60_000, -200, 200, 60_000])(
  "a Worker whose clock is %i ms off posts at once, in order, and keeps to X's window",
  async (skew) => {
    const h = await createHarness();
    h.setSkew(skew);
    const account = await h.account();
    await h.post(account, "one");
    expect(h.messages).toEqual([{ lane: `tweets:${account}`, at: h.now() }]);
    await h.turn();
    expect(h.posted()).toEqual(["one"]);

    h.answer(() => refused(429, "Too Many Requests", rate(h.now(), 0, 120)));
    await h.post(account, "two");
    await h.turn();
    expect((await h.lane(`tweets:${account}`))?.next_at).toBe(h.now() + 121 * SECOND);
    h.answer(() => tweeted());
    await h.pass(121 * SECOND);
    expect(h.posted()).toEqual(["one", "two", "two"]);
    expect(h.calls.at(-1)?.at).toBe(h.now());
  },
);
