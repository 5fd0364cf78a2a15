import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { prune } from "#core/jobs/prune";
import { newId } from "#core/lib/ids";
import * as audit from "#core/store/audit";
import * as idempotencyKeys from "#core/store/idempotency-keys";
import * as oauthStates from "#core/store/oauth-states";
import { first } from "#core/store/sql";
import { event } from "#core/webhooks/events";
import { file } from "../../support/files.ts";
import { putMedium } from "../../support/medium.ts";
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

test("the key of a medium is kept as long as the medium", async () => {
  const h = await createHarness();
  const of = { client_id: h.clientId, account_id: await h.account(), now: h.now() };
  await keyFor(h, "key", await putMedium(file("image/png"), of));
  h.advance(31 * DAY);
  await prune(h.consumer);
  expect(await isKept(h, "key")).toBe(true);
  await env.DB.prepare("DELETE FROM uploads").run();
  await prune(h.consumer);
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

/** Write so many rows of a client, by the SQL of one whose number is `i`. */
const write = (rows: number, sql: string) =>
  env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) ${sql} FROM n`,
  ).run();
const OLD_JOBS = `INSERT INTO jobs (client_id, id, kind, account_id, lane, ordered, state, due_at, expires_at, max_attempts, params,
                                    created_at, finished_at)
  SELECT 'cli_110', printf('job_0000000000%012d0', i), 'tweet.create', 'acc', 'tweets:acc', 1, 'succeeded', 0, 0, 1, '{}', 0, 0`;
const count = async (table: string) =>
  (await env.DB.prepare(`SELECT count(*) AS n FROM ${table}`).first<{ n: number }>())?.n;

test("one run deletes what 100,000 jobs a day leave in nine hours, the next what is left over; every client is visited", async () => {
  const h = await createHarness();
  await write(110, "INSERT INTO clients (id, name, created_at) SELECT printf('cli_%03d', i), 'n', 0");
  await write(40_100, OLD_JOBS);
  await prune(h.consumer);
  expect(await count("jobs")).toBe(100);
  await prune(h.consumer);
  expect(await count("jobs")).toBe(0);
}, 30_000);

test("idempotency keys keep up with their jobs, also behind a thousand whose jobs are kept", async () => {
  const h = await createHarness();
  await write(1, "INSERT INTO clients (id, name, created_at) SELECT 'cli_110', 'n', 0");
  await write(
    1_100,
    OLD_JOBS.replace("'succeeded', 0, 0, 1, '{}', 0, 0", "'unknown', 0, 0, 1, '{}', 0, NULL"),
  );
  await write(
    3_300,
    `INSERT INTO idempotency_keys (client_id, key, body_hash, job_id, created_at)
     SELECT 'cli_110', printf('key %05d', i), 'h', printf('job_0000000000%012d0', i), 0`,
  );
  await prune(h.consumer);
  expect(await count("jobs")).toBe(1_100);
  expect(await count("idempotency_keys")).toBe(1_100);
}, 30_000);

test("the key of a job on a database that is not bound is kept: nobody can say whether the job is there", async () => {
  const h = await createHarness();
  await keyFor(h, "elsewhere", "job_00000000000000000000001");
  h.advance(31 * DAY);
  await prune(h.consumer);
  expect(await isKept(h, "elsewhere")).toBe(true);
});

test("events go after 30 days and audit entries after a year, on every database", async () => {
  const h = await createHarness({ sharded: true });
  const at = h.now();
  const tell = async (db: D1Database, shard: string) => {
    const client = h.clientId;
    await db.batch([
      db
        .prepare("INSERT INTO x_users (x_user_id, account_id, client_id) VALUES (?, 'a', 'c')")
        .bind(`u${shard}`),
      event(db, { client_id: client, type: "account.connected", account_id: `acc_${shard}`, data: {} }, at),
      audit.insert(db, {
        client_id: client,
        id: newId("aud", shard, at),
        actor: "admin",
        action: "client.created",
        subject: client,
        detail: "{}",
        created_at: at,
      }),
    ]);
  };
  const left = async () =>
    Promise.all(
      [env.DB, env.DB_1].map(async (db) => {
        const rows = await db.batch(
          ["events", "audit"].map((table) => db.prepare(`SELECT id FROM ${table}`)),
        );
        return rows.map(({ results }) => results.length);
      }),
    );
  await tell(env.DB, "0");
  await tell(env.DB_1, "1");
  h.advance(30 * DAY);
  await prune(h.consumer);
  expect(await left()).toEqual([
    [1, 1],
    [1, 1],
  ]);
  h.advance(1);
  await prune(h.consumer);
  expect(await left()).toEqual([
    [0, 1],
    [0, 1],
  ]);
  h.advance(335 * DAY);
  await prune(h.consumer);
  expect(await left()).toEqual([
    [0, 0],
    [0, 0],
  ]);
});
