import { describe, expect, test, vi } from "vitest";
import { consume } from "#core/jobs/consume";
import { unreachable } from "../../support/database.ts";
import { createHarness, tweeted, type Harness } from "../../support/harness.ts";

test("a tweet is posted once, at its account's turn, and its job says so", async () => {
  const h = await createHarness();
  const account = await h.account();
  const id = await h.post(account, "hello");
  expect(await h.turn()).toEqual({ acked: 1, retried: 0 });
  expect(h.posted()).toEqual(["hello"]);
  expect(h.calls[0]?.authorization).toBe(`Bearer access-${account}`);
  const job = await h.job(id);
  expect(job).toMatchObject({ state: "succeeded", attempts: 1, maybe_sent: 0, lease: null, open: null });
  expect(JSON.parse(job.result ?? "")).toMatchObject({ tweet_id: expect.stringMatching(/^\d+$/) as string });
  expect(await h.lane(`tweets:${account}`)).toMatchObject({ next_at: null, lease: null });
});

test("ten tweets of one account go out in one turn, in the order they came", async () => {
  const h = await createHarness();
  const account = await h.account();
  const texts = Array.from({ length: 10 }, (_, i) => `tweet ${i}`);
  for (const text of texts) {
    await h.post(account, text);
    h.advance(1);
  }
  expect(h.messages).toHaveLength(1);
  await h.turn();
  expect(h.posted()).toEqual(texts);
});

test("tweets go out in the order of their due times, not in that of their coming", async () => {
  const h = await createHarness();
  const account = await h.account();
  await h.post(account, "third", { run_at: h.now() + 30_000 });
  await h.post(account, "second", { run_at: h.now() + 20_000 });
  await h.post(account, "first");
  await h.pass(30_000);
  expect(h.posted()).toEqual(["first", "second", "third"]);
});

test("a lane that several messages name is worked once", async () => {
  const h = await createHarness();
  const account = await h.account();
  await h.post(account, "one");
  const lane = `tweets:${account}`;
  expect(await h.deliver([{ lane }, { lane }, { lane }])).toEqual({ acked: 3, retried: 0 });
  expect(await h.deliver([{ lane }])).toEqual({ acked: 1, retried: 0 });
  expect(h.posted()).toEqual(["one"]);
});

test("messages that are no wake-ups are taken off the queue and said in the log", async () => {
  const h = await createHarness();
  await h.post(await h.account(), "one");
  h.messages.length = 0;
  const odd = [
    null,
    7,
    "tweets:acc",
    {},
    { lane: 7 },
    { lane: "" },
    { lane: "x".repeat(201) },
    { lane: "a", more: 1 },
  ];
  expect(await h.deliver(odd)).toEqual({ acked: odd.length, retried: 0 });
  expect(h.logged("message.unreadable")).toHaveLength(odd.length);
  expect(h.calls).toEqual([]);
});

test("a wake-up for a lane that is not there does nothing", async () => {
  const h = await createHarness();
  const lanes = [{ lane: "tweets:acc_nobody0" }, { lane: "sings:acc_nobody0" }];
  expect(await h.deliver(lanes)).toEqual({ acked: 2, retried: 0 });
  expect(h.calls).toEqual([]);
  expect(h.messages).toEqual([]);
});

describe("while the database cannot be reached", () => {
  test("nothing throws, the messages come again, and then the tweet is posted once", async () => {
    const h = await createHarness();
    const account = await h.account();
    await h.post(account, "one");
    h.wrapDatabase((db) => unreachable(db));
    expect(await h.turn()).toEqual({ acked: 0, retried: 1 });
    expect(h.calls).toEqual([]);
    h.wrapDatabase((db) => db);
    expect(await h.deliver([{ lane: `tweets:${account}` }])).toEqual({ acked: 1, retried: 0 });
    expect(h.posted()).toEqual(["one"]);
  });

  test("a lane that could not be given back is found by the clock when its lease has run out, and nothing is posted twice", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.post(account, "one");
    let down = false;
    h.wrapDatabase((db) => unreachable(db, () => down));
    h.answer(() => {
      down = true;
      return tweeted();
    });
    expect(await h.turn()).toEqual({ acked: 1, retried: 0 });
    expect(h.logged("lane.left")).toHaveLength(1);
    down = false;
    h.answer(() => tweeted());
    h.advance(1);
    await h.post(account, "two");
    await h.pass(180_000);
    // X cannot be looked at here: what may be there already keeps its place.
    expect(h.posted()).toEqual(["one"]);
    expect(await h.job(id)).toMatchObject({ state: "unknown", open: 1, losses: 1 });
  });
});

describe("two databases", () => {
  test("lanes of both are worked in one batch, each on its own", async () => {
    const h = await createHarness({ sharded: true });
    const [here, there] = [await h.account(), await h.account({ shard: "1" })];
    await h.post(here, "here");
    await h.post(there, "there");
    expect(await h.turn()).toEqual({ acked: 2, retried: 0 });
    expect(h.posted().sort()).toEqual(["here", "there"]);
  });

  test("one that fails does not hold up the other", async () => {
    const h = await createHarness({ sharded: true });
    const [here, there] = [await h.account(), await h.account({ shard: "1" })];
    await h.post(here, "here");
    await h.post(there, "there");
    h.wrapDatabase((db) => unreachable(db));
    expect(await h.turn()).toEqual({ acked: 1, retried: 1 });
    expect(h.posted()).toEqual(["there"]);
  });

  test("a lane whose database is not bound is left for a Worker that has it", async () => {
    const h = await createHarness();
    expect(await h.deliver([{ lane: "tweets:acc_x1" }])).toEqual({ acked: 0, retried: 1 });
  });
});

describe("turns in the background", () => {
  const openTurns = async (h: Harness, count: number) => {
    const waiting: (() => void)[] = [];
    h.answer(
      () =>
        new Promise((resolve) => {
          waiting.push(() => {
            resolve(tweeted());
          });
        }),
    );
    const returned: number[] = [];
    const background: Promise<unknown>[] = [];
    const turns: Promise<unknown>[] = [];
    for (let i = 0; i < count; i++) {
      const account = await h.account();
      await h.post(account, `tweet ${i}`);
      const body = { lane: `tweets:${account}` };
      const message = {
        id: "1",
        timestamp: new Date(),
        attempts: 1,
        body,
        ack: () => undefined,
        retry: () => undefined,
      };
      const batch = { queue: "q", messages: [message] } as unknown as MessageBatch;
      const turn = consume(batch, h.consumer, { waitUntil: (promise) => background.push(promise) });
      turns.push(turn.then(() => returned.push(i)));
      while (h.calls.length <= i) await h.consumer.clock.sleep(0);
    }
    const finish = async () => {
      for (const answer of waiting) answer();
      await Promise.all([...turns, ...background]);
    };
    return { returned, background, waiting, finish };
  };

  test("so many go on behind the queue's back; with one more, the queue waits until any of them is over", async () => {
    const h = await createHarness({ background: 2 });
    const { returned, waiting, finish } = await openTurns(h, 3);
    expect(returned).toEqual([0, 1]);
    waiting[0]?.();
    await vi.waitUntil(() => returned.length === 3);
    expect(h.posted()).toHaveLength(3);
    await finish();
  });

  test("a place is free again when a turn is over", async () => {
    const h = await createHarness({ background: 1 });
    for (let i = 0; i < 2; i++) {
      h.calls.length = 0;
      const { returned, finish } = await openTurns(h, 1);
      expect(returned).toEqual([0]);
      await finish();
    }
  });

  test("deployed, where there are none, every turn is awaited", async () => {
    const h = await createHarness();
    const { returned, background, finish } = await openTurns(h, 1);
    expect(returned).toEqual([]);
    expect(background).toEqual([]);
    await finish();
    expect(returned).toEqual([0]);
  });
});
