import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { prune } from "#core/jobs/prune";
import * as idempotencyKeys from "#core/store/idempotency-keys";
import * as oauthStates from "#core/store/oauth-states";
import { first } from "#core/store/sql";
import { createHarness, refused, type Harness } from "../../support/harness.ts";

const DAY = 86_400_000;

const keyFor = async (h: Harness, key: string, job: string) => {
  const row = { client_id: h.clientId, key, body_hash: "hash", job_id: job, created_at: h.now() };
  await idempotencyKeys.claim(env.DB, row).run();
};
const isKept = async (h: Harness, key: string) =>
  (await first(idempotencyKeys.find(env.DB, h.clientId, key))) !== null;

test("a job goes 30 days after it ended, and its idempotency key with it", async () => {
  const h = await createHarness();
  const id = await h.post(await h.account(), "old");
  await keyFor(h, "key", id);
  await h.turn();
  h.advance(30 * DAY);
  await prune(h.consumer);
  expect(await h.job(id)).toMatchObject({ state: "succeeded" });
  expect(await isKept(h, "key")).toBe(true);
  h.advance(1);
  await prune(h.consumer);
  await expect(h.job(id)).rejects.toThrow("no job");
  expect(await isKept(h, "key")).toBe(false);
});

test("a job that has not ended, or that nobody knows the end of, is never deleted, nor is its key", async () => {
  const h = await createHarness();
  const account = await h.account();
  const unknown = await h.post(account, "who knows");
  h.answer(() => refused(503, "over capacity"));
  await h.turn();
  const scheduled = await h.post(account, "next year", { run_at: h.now() + 365 * DAY });
  await keyFor(h, "unknown", unknown);
  await keyFor(h, "scheduled", scheduled);
  h.advance(100 * DAY);
  await prune(h.consumer);
  expect(await h.job(unknown)).toMatchObject({ state: "unknown" });
  expect(await h.job(scheduled)).toMatchObject({ state: "queued" });
  expect(await isKept(h, "unknown")).toBe(true);
  expect(await isKept(h, "scheduled")).toBe(true);
});

test("a job that was made long ago but ended lately is kept", async () => {
  const h = await createHarness();
  const id = await h.post(await h.account({ expires_in_ms: 41 * DAY }), "slow", {
    run_at: h.now() + 40 * DAY,
  });
  h.advance(40 * DAY);
  await h.tick();
  await h.turn();
  await prune(h.consumer);
  expect(await h.job(id)).toMatchObject({ state: "succeeded" });
});

test("jobs on other databases than their client's are deleted too", async () => {
  const h = await createHarness({ sharded: true });
  const id = await h.post(await h.account({ shard: "1" }), "there");
  await keyFor(h, "key", id);
  await h.turn();
  h.advance(31 * DAY);
  await prune(h.consumer);
  expect(await env.DB_1.prepare("SELECT count(*) AS jobs FROM jobs").first()).toEqual({ jobs: 0 });
  expect(await isKept(h, "key")).toBe(false);
});

test("connects that nobody came back from are forgotten, those under way are not", async () => {
  const h = await createHarness();
  const state = (hash: string, expires_at: number) =>
    oauthStates
      .insert(env.DB, {
        state_hash: hash,
        client_id: h.clientId,
        app_id: "app_default",
        verifier: "v",
        scopes: "[]",
        return_url: "https://client.test/",
        metadata: null,
        actor: "key_1",
        expires_at,
      })
      .run();
  await state("old", h.now());
  await state("new", h.now() + 1);
  await prune(h.consumer);
  const { results } = await env.DB.prepare("SELECT state_hash FROM oauth_states").all();
  expect(results).toEqual([{ state_hash: "new" }]);
});

test("more than one run holds is taken by the next, and more clients than a page holds are all visited", async () => {
  const h = await createHarness();
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 110)
     INSERT INTO clients (id, name, created_at) SELECT printf('cli_%03d', i), 'n', 0 FROM n`,
  ).run();
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
     INSERT INTO jobs (client_id, id, kind, account_id, lane, ordered, state, due_at, expires_at, max_attempts, params,
                       created_at, finished_at)
     SELECT 'cli_110', printf('job_0000000000%013d', i), 'tweet.create', 'acc', 'tweets:acc', 1, 'succeeded', 0, 0, 1, '{}', 0, 0
       FROM n`,
  ).run();
  const left = async () => (await env.DB.prepare("SELECT count(*) AS n FROM jobs").first<{ n: number }>())?.n;
  await prune(h.consumer);
  expect(await left()).toBe(100);
  await prune(h.consumer);
  expect(await left()).toBe(0);
}, 20_000);
