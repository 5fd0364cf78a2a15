import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { stage } from "#core/jobs/stage";
import { losingAnswers } from "../../support/database.ts";
import { createHarness, tweeted } from "../../support/harness.ts";
import { meetX } from "../../support/refreshing.ts";
import { MINUTE_MS } from "#core/lib/clock";
import { all } from "#core/store/sql";

test("lanes whose messages were lost are woken", async () => {
  const h = await createHarness();
  const accounts = [await h.account(), await h.account()];
  for (const account of accounts) await h.post(account, account);
  h.messages.length = 0;
  expect(await h.tick()).toBe(2);
  await h.turn();
  expect(h.posted().sort()).toEqual([...accounts].sort());
});

test("a lane is woken for the time it is due, if that is within 90 s, and not before", async () => {
  const h = await createHarness();
  const account = await h.account();
  await h.post(account, "later", { run_at: h.now() + 150_000 });
  expect(h.messages).toEqual([]);
  h.advance(59_999);
  expect(await h.tick()).toBe(0);
  h.advance(1);
  expect(await h.tick()).toBe(1);
  expect(h.messages).toEqual([{ lane: `tweets:${account}`, at: h.now() + 90_000 }]);
});

test("a lane with a live lease is never woken, one whose lease ran out is", async () => {
  const h = await createHarness();
  const account = await h.account();
  await h.post(account, "one");
  h.messages.length = 0;
  const ticks: number[] = [];
  h.answer(async () => {
    ticks.push(await h.tick());
    h.advance(74_999);
    ticks.push(await h.tick());
    h.advance(1);
    ticks.push(await h.tick());
    return tweeted();
  });
  await h.deliver([{ lane: `tweets:${account}` }]);
  expect(ticks).toEqual([0, 0, 1]);
});

test("an empty lane is not woken", async () => {
  const h = await createHarness();
  await h.post(await h.account(), "one");
  await h.turn();
  expect(await h.tick()).toBe(0);
});

test("2,500 lanes are woken in rounds, each once, the longest due first", async () => {
  const h = await createHarness();
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
     INSERT INTO lanes (lane, client_id, account_id, app_id, gates, next_at)
     SELECT 'tweets:acc_' || i, ?, 'acc_' || i, 'app', '[]', ? - i / 3 FROM n`,
  )
    .bind(h.clientId, h.now())
    .run();
  expect(await h.tick()).toBe(2500);
  const lanes = h.messages.map(({ lane }) => lane);
  expect(new Set(lanes).size).toBe(2500);
  expect(lanes).toHaveLength(2500);
  expect(Number(lanes[0]?.split("_")[1])).toBeGreaterThan(2490);
});

test("the lost wake-up of a hand-back is found", async () => {
  const h = await createHarness();
  const account = await h.account();
  await h.post(account, "one");
  await h.post(account, "two", { run_at: h.now() + 30_000 });
  const { tweets } = h.consumer.queues;
  const lost = {
    ...tweets,
    sendBatch: () => Promise.reject(new Error("the queue is not there")),
  } as typeof tweets;
  await h.turn({ ...h.consumer, queues: { tweets: lost, media: lost, webhooks: lost, refresh: lost } });
  expect(h.messages).toEqual([]);
  expect(h.logged("wake.failed")).toHaveLength(1);
  await h.pass(60_000);
  expect(h.posted()).toEqual(["one", "two"]);
});

test("a hand-back whose answer is lost for good is found when the lease has run out", async () => {
  const h = await createHarness();
  const account = await h.account();
  await h.post(account, "one");
  await h.post(account, "two", { run_at: h.now() + 10_000 });
  h.messages.length = 0;
  h.wrapDatabase((db) => losingAnswers(db, (nth) => nth >= 3));
  await h.deliver([{ lane: `tweets:${account}` }]);
  h.wrapDatabase((db) => db);
  expect(h.messages).toEqual([]);
  await h.pass(120_000);
  expect(h.posted()).toEqual(["one", "two"]);
});

test("lanes of every database are woken", async () => {
  const h = await createHarness({ sharded: true });
  await h.post(await h.account(), "here");
  await h.post(await h.account({ shard: "1" }), "there");
  h.messages.length = 0;
  expect(await stage(h.consumer)).toBe(2);
  await h.turn();
  expect(h.posted().sort()).toEqual(["here", "there"]);
});

test("a clock that ticks often looks less far ahead, so that no lane is woken by every tick", async () => {
  const h = await createHarness();
  const near = await h.account();
  const far = await h.account();
  await h.post(near, "near", { run_at: h.now() + 20_000 });
  await h.post(far, "far", { run_at: h.now() + 30_000 });
  h.messages.length = 0;
  expect(await stage(h.consumer, 22_500)).toBe(1);
  expect(h.messages).toEqual([{ lane: `tweets:${near}`, at: h.now() + 20_000 }]);
});

describe("a token that is to be refreshed", () => {
  test("is refreshed ahead of its time, once, and its account's jobs never wait", async () => {
    const { h, account, refreshes } = await meetX();
    await h.pass(94 * MINUTE_MS);
    expect(refreshes()).toHaveLength(0);
    await h.pass(3 * MINUTE_MS);
    expect(refreshes()).toHaveLength(1);
    expect(await h.account_row(account)).toMatchObject({ token_version: 2, token_origin: "refresh" });
  });

  test("is asked for by every tick until it is done, as one job", async () => {
    const { h, account, refreshes } = await meetX();
    h.advance(96 * MINUTE_MS);
    for (let tick = 0; tick < 3; tick++) await h.tick();
    h.messages.splice(1);
    await h.pass(MINUTE_MS);
    expect(refreshes()).toHaveLength(1);
    const jobs = env.DB.prepare("SELECT state FROM jobs WHERE account_id = ?").bind(account);
    expect(await all(jobs)).toEqual([{ state: "succeeded" }]);
  });

  test("is not, where there is nothing to refresh with", async () => {
    const { h, refreshes } = await meetX({ refresh_token: null });
    await h.pass(3 * 60 * MINUTE_MS);
    expect(refreshes()).toEqual([]);
  });

  test("is asked for however many there are", async () => {
    const h = await createHarness();
    await h.account({ refresh_token: "r" });
    await env.DB.prepare(
      `INSERT INTO accounts SELECT 'acc_' || substr('0000' || value, -4) || '0', client_id, app_id, value, username, name, scopes,
              state, token, token_version, token_expires_at, token_issued_at, token_origin, refresh_at, metadata, created_at, updated_at, NULL, NULL
         FROM accounts, json_each((SELECT json_group_array(v) FROM (WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 1500) SELECT v FROM n)))`,
    ).run();
    h.advance(96 * MINUTE_MS);
    expect(await h.tick()).toBe(1501);
    expect(new Set(h.messages.map(({ lane }) => lane)).size).toBe(1501);
  });
});
