import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { isId } from "#core/lib/ids";
import { createHarness, tweeted } from "../../support/harness.ts";

const DAY = 86_400_000;

test("a job that may go at once is due by D1's clock, and its lane is woken now", async () => {
  const h = await createHarness();
  const account = await h.account();
  const id = await h.post(account, "now");
  expect(isId("job", id)).toBe(true);
  expect(await h.job(id)).toMatchObject({
    client_id: h.clientId,
    kind: "tweet.create",
    account_id: account,
    lane: `tweets:${account}`,
    ordered: 1,
    state: "queued",
    open: 1,
    due_at: h.now(),
    run_at: null,
    expires_at: h.now() + 7 * DAY,
    attempts: 0,
    max_attempts: 8,
  });
  expect(h.messages).toEqual([{ lane: `tweets:${account}`, at: h.now() }]);
});

test("what the client asks for is written: times, attempts, order, metadata", async () => {
  const h = await createHarness();
  const id = await h.post(await h.account(), "later", {
    run_at: h.now() + DAY,
    expires_at: h.now() + 2 * DAY,
    any_order: true,
    max_attempts: 2,
    metadata: { campaign: 7 },
  });
  expect(await h.job(id)).toMatchObject({
    run_at: h.now() + DAY,
    due_at: h.now() + DAY,
    expires_at: h.now() + 2 * DAY,
    ordered: 0,
    max_attempts: 2,
    metadata: '{"campaign":7}',
  });
});

test("a run_at in the past is due now, behind what is due already, and expires a week from now", async () => {
  const h = await createHarness();
  const account = await h.account();
  await h.post(account, "first");
  h.advance(1);
  const id = await h.post(account, "second", { run_at: h.now() - DAY });
  expect(await h.job(id)).toMatchObject({ due_at: h.now(), expires_at: h.now() + 7 * DAY });
  await h.turn();
  expect(h.posted()).toEqual(["first", "second"]);
});

test("a hundred jobs on one lane send one message", async () => {
  const h = await createHarness();
  const account = await h.account();
  for (let i = 0; i < 100; i++) await h.post(account, `tweet ${i}`);
  expect(h.messages).toHaveLength(1);
});

describe("wake-ups", () => {
  test("a lane due within 90 s is woken by a delayed message, one farther away by the clock", async () => {
    const h = await createHarness();
    const [near, far] = [await h.account(), await h.account()];
    await h.post(near, "near", { run_at: h.now() + 90_000 });
    await h.post(far, "far", { run_at: h.now() + 90_001 });
    expect(h.messages).toEqual([{ lane: `tweets:${near}`, at: h.now() + 90_000 }]);
  });

  test("a job that is due before all others of its lane wakes it anew, one behind them does not", async () => {
    const h = await createHarness();
    const account = await h.account();
    await h.post(account, "second", { run_at: h.now() + 60_000 });
    await h.post(account, "third", { run_at: h.now() + 70_000 });
    await h.post(account, "first", { run_at: h.now() + 30_000 });
    expect(h.messages.map(({ at }) => at - h.now())).toEqual([60_000, 30_000]);
    await h.pass(70_000);
    expect(h.posted()).toEqual(["first", "second", "third"]);
  });
});

describe("an account that is not the client's", () => {
  test("is not found, and nothing is written", async () => {
    const h = await createHarness();
    const foreign = await h.account();
    await env.DB.prepare("UPDATE accounts SET client_id = 'cli_other' WHERE id = ?").bind(foreign).run();
    const unknown = `${foreign.slice(0, -3)}zz0`;
    for (const account of [foreign, unknown, `${unknown}x`])
      await expect(h.post(account, "mine?")).rejects.toMatchObject({
        code: "not_found",
        extra: { errors: [{ pointer: "/account_id" }] },
      });
    const { results } = await env.DB.prepare("SELECT id FROM jobs UNION ALL SELECT lane FROM lanes").all();
    expect(results).toEqual([]);
    expect(h.messages).toEqual([]);
  });
});

test("an account's jobs live on its own database", async () => {
  const h = await createHarness({ sharded: true });
  const account = await h.account({ shard: "1" });
  const id = await h.post(account, "there");
  expect(id.at(-1)).toBe("1");
  h.answer(() => tweeted());
  await h.turn();
  const row = await env.DB_1.prepare("SELECT state FROM jobs WHERE id = ?").bind(id).first();
  expect(row).toEqual({ state: "succeeded" });
  expect(await env.DB.prepare("SELECT count(*) AS jobs FROM jobs").first()).toEqual({ jobs: 0 });
});
