import { describe, expect, test } from "vitest";
import { batchEnds, finishBatches, touchOf } from "#core/jobs/batch-ends";
import * as jobs from "#core/store/jobs";
import { env } from "cloudflare:workers";
import { postBatch } from "../../support/batch.ts";
import { losingAnswers } from "../../support/database.ts";
import { createHarness, refused, tweeted, type Harness } from "../../support/harness.ts";

const MINUTE_MS = 60_000;

const state = async (h: Harness, id: string) => {
  const { finished_at, open_shards, sequence } = (await h.batch(id)) ?? {};
  return { finished_at, open_shards, sequence };
};
const DONE = { open_shards: "", sequence: 2 };

test("a batch ends in the commit that ends its last job, and keeps its counts", async () => {
  const h = await createHarness();
  const account = await h.account();
  h.answer(({ body }) => ((body as { text: string }).text === "item 1" ? refused(403, "No") : tweeted()));
  const id = await postBatch(h, [account, account, account], (index) => ({
    run_at: h.now() + ([0, 10_000, 80_000][index] ?? 0),
  }));
  await h.turn();
  await h.pass(20_000);
  expect(await state(h, id)).toEqual({ finished_at: null, open_shards: "0", sequence: 1 });
  await h.pass(80_000);
  expect(await state(h, id)).toMatchObject(DONE);
  expect(JSON.parse((await h.batchPart(id))?.counts ?? "")).toEqual([
    expect.objectContaining({ state: "failed", count: 1 }),
    expect.objectContaining({ state: "succeeded", count: 2 }),
  ]);
});

test.each([
  ["in the order of the items", [0, 1, 2, 3]],
  ["the last item first", [3, 2, 1, 0]],
  ["in any order", [2, 0, 3, 1]],
])("a batch that ends %s ends once, with its last job", async (_, order) => {
  const h = await createHarness();
  const accounts = await Promise.all(order.map(() => h.account()));
  const id = await postBatch(h, accounts, (index) => ({
    run_at: h.now() + ((order[index] ?? 0) + 0.5) * MINUTE_MS,
  }));
  for (let round = 1; round <= order.length; round++) {
    expect(await state(h, id)).toMatchObject({ open_shards: "0", finished_at: null });
    await h.pass(MINUTE_MS);
    expect(h.posted()).toHaveLength(round);
  }
  expect(await state(h, id)).toMatchObject(DONE);
});

test("lanes that end their last jobs in one moment end their batch once", async () => {
  const h = await createHarness({ concurrency: 10 });
  const accounts = await Promise.all(Array.from({ length: 10 }, () => h.account()));
  const id = await postBatch(h, accounts);
  const lanes = accounts.map((account) => ({ lane: `tweets:${account}` }));
  await Promise.all(lanes.map((lane) => h.deliver([lane])));
  expect(h.posted()).toHaveLength(10);
  expect(await state(h, id)).toEqual({ finished_at: h.now(), ...DONE });
});

test("a commit that is sent again ends its batch once", async () => {
  const h = await createHarness();
  const id = await postBatch(h, [await h.account()]);
  h.wrapDatabase((db) => losingAnswers(db, (nth) => nth > 1 && nth < 4));
  await h.turn();
  expect(await state(h, id)).toEqual({ finished_at: h.now(), ...DONE });
});

test("parts on several databases end on their own, and the batch with the last of them", async () => {
  const h = await createHarness({ sharded: true });
  const accounts = [await h.account({ shard: "0" }), await h.account({ shard: "1" })];
  const id = await postBatch(h, accounts);
  await h.turn();
  expect(h.posted()).toHaveLength(2);
  expect(await state(h, id)).toMatchObject({ open_shards: "1", finished_at: null });
  await h.tick();
  expect(await state(h, id)).toMatchObject({ open_shards: "", finished_at: h.now() });
  const { sequence } = await state(h, id);
  await h.tick();
  expect(await state(h, id)).toMatchObject({ sequence });
});

describe("also ends", () => {
  test("by jobs whose time passed", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await postBatch(h, [account, account], () => ({ expires_at: h.now() + 1000 }));
    h.advance(2000);
    await h.turn();
    expect(await state(h, id)).toMatchObject(DONE);
  });

  test("by a job that a rescue buried, with the next tick", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await postBatch(h, [account], () => ({ max_attempts: 1 }));
    await env.DB.prepare("UPDATE jobs SET kind = 'tweet.delete'").run();
    await h.crash(`tweets:${account}`);
    await h.turn();
    expect(await env.DB.prepare("SELECT state FROM jobs").first("state")).toBe("dead");
    await h.tick();
    expect(await state(h, id)).toMatchObject(DONE);
  });

  test("by a canceled job, with the next tick", async () => {
    const h = await createHarness();
    const id = await postBatch(h, [await h.account()], () => ({ run_at: h.now() + MINUTE_MS }));
    await env.DB.prepare("UPDATE jobs SET state = 'canceled', open = NULL, finished_at = 1").run();
    await finishBatches(h.consumer);
    expect(await state(h, id)).toMatchObject(DONE);
  });

  test("by a job that is parked, for nobody knows when it is resolved", async () => {
    const h = await createHarness();
    const id = await postBatch(h, [await h.account()]);
    h.answer(() => refused(500, "Oops"));
    await h.turn();
    expect(await state(h, id)).toMatchObject({ finished_at: null });
    await env.DB.prepare("UPDATE jobs SET open = NULL WHERE state = 'unknown'").run();
    await h.tick();
    expect(await state(h, id)).toMatchObject(DONE);
  });
});

test("a job without a batch adds no statement", async () => {
  const h = await createHarness();
  const account = await h.account();
  const job = await h.job(await h.post(account, "single"));
  expect(batchEnds(env.DB, null, touchOf(job))).toEqual([]);
});

test("jobs of a batch are kept until all of it has ended", async () => {
  const h = await createHarness();
  const account = await h.account();
  const id = await postBatch(h, [account, account], (index) => ({
    run_at: index === 0 ? null : h.now() + 10 * MINUTE_MS,
  }));
  await h.turn();
  const count = async () =>
    (await jobs.prune(env.DB, [h.clientId], "job_~", h.now() + 1, 10).run()).meta.changes;
  expect(await count()).toBe(0);
  await h.pass(11 * MINUTE_MS);
  expect(await state(h, id)).toMatchObject(DONE);
  expect(await count()).toBe(2);
});
