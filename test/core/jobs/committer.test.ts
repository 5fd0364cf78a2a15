import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { createCommitter } from "#core/jobs/committer";
import { batchedBy, losingAnswers } from "../../support/database.ts";
import { createHarness, tweeted } from "../../support/harness.ts";

test("what the loops of a turn ask for together rides in one commit", async () => {
  const h = await createHarness({ concurrency: 10 });
  for (let i = 0; i < 10; i++) await h.post(await h.account(), `tweet ${i}`);
  const waiting: (() => void)[] = [];
  h.answer(
    () =>
      new Promise((resolve) => {
        waiting.push(() => {
          resolve(tweeted());
        });
        if (waiting.length === 10) for (const answer of waiting) answer();
      }),
  );
  let batches = 0;
  h.wrapDatabase((db) =>
    batchedBy(db, (statements) => {
      batches++;
      return db.batch(statements);
    }),
  );
  await h.turn();
  expect(h.posted()).toHaveLength(10);
  // Take and claim; end and claim; give back. What comes a moment late rides in one more.
  expect(batches).toBeLessThanOrEqual(5);
});

describe("a commit waits a moment for loops that are still calling X", () => {
  const asking = (callers: number) => {
    const sent: number[] = [];
    const pauses: { ms: number; end: () => void }[] = [];
    const db = batchedBy(env.DB, async (statements) => {
      sent.push(statements.length);
      return env.DB.batch(statements);
    });
    const committer = createCommitter({
      db,
      callers: () => callers,
      lease: "lse_test",
      lease_ms: 75_000,
      app_windows: {},
      unrepeatable: [],
      reconcilable: [],
      now: () => 0,
      // Time stands still but for the wait for what is asked in the same breath.
      sleep: (ms) => (ms === 0 ? Promise.resolve() : new Promise<void>((end) => pauses.push({ ms, end }))),
      random: () => 0.5,
      log: () => undefined,
    });
    return { committer, sent, pauses };
  };
  const lane = (name: string) => ({ lane: `tweets:${name}`, window: null, newest: null, calls: 0, money: 0 });

  test("it goes as soon as all of them have asked", async () => {
    const { committer, sent, pauses } = asking(2);
    const first = committer.handBack(lane("a"), { calls: null, money: null });
    await vi.waitUntil(() => pauses.length === 1);
    expect(sent).toEqual([]);
    await Promise.all([first, committer.handBack(lane("b"), { calls: null, money: null })]);
    expect(sent).toEqual([2]);
  });

  test("it does not wait for a loop that takes its time", async () => {
    const { committer, sent, pauses } = asking(2);
    const first = committer.handBack(lane("a"), { calls: null, money: null });
    await vi.waitUntil(() => pauses.length === 1);
    expect(pauses[0]?.ms).toBe(15);
    pauses[0]?.end();
    await first;
    expect(sent).toEqual([2]);
  });

  test("it does not wait at all when nobody else is calling", async () => {
    const { committer, sent, pauses } = asking(1);
    await committer.handBack(lane("a"), { calls: null, money: null });
    expect(sent).toEqual([2]);
    expect(pauses).toEqual([]);
  });
});

test("one commit is in flight at a time", async () => {
  const h = await createHarness({ concurrency: 4 });
  for (let i = 0; i < 4; i++) {
    const account = await h.account();
    for (let j = 0; j < 3; j++) await h.post(account, `tweet ${i} ${j}`);
  }
  let open = 0;
  let most = 0;
  h.wrapDatabase((db) =>
    batchedBy(db, async (statements) => {
      most = Math.max(most, ++open);
      const results = await db.batch(statements);
      open--;
      return results;
    }),
  );
  await h.turn();
  expect(h.posted()).toHaveLength(12);
  expect(most).toBe(1);
});

test("a commit is tried four times, then the turn is left and its messages come again", async () => {
  const h = await createHarness();
  await h.post(await h.account(), "one");
  let tries = 0;
  h.wrapDatabase((db) =>
    batchedBy(db, () => {
      tries++;
      return Promise.reject(new Error("D1_ERROR: Network connection lost."));
    }),
  );
  expect(await h.turn()).toEqual({ acked: 0, retried: 1 });
  expect(h.logged("commit.repeated").map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  expect(h.logged("commit.failed").length).toBeGreaterThan(0);
  expect(h.calls).toEqual([]);
  expect(tries % 4).toBe(0);
});

test("what the database itself refuses is not sent again", async () => {
  const h = await createHarness();
  await h.post(await h.account(), "one");
  h.wrapDatabase((db) =>
    batchedBy(db, () => Promise.reject(new Error("D1_ERROR: no such table: jobs: SQLITE_ERROR"))),
  );
  expect(await h.turn()).toEqual({ acked: 0, retried: 1 });
  expect(h.logged("commit.repeated")).toEqual([]);
});

test("an ending whose first answer was lost does not count as fenced", async () => {
  const h = await createHarness();
  await h.post(await h.account(), "one");
  h.wrapDatabase((db) => losingAnswers(db, (nth) => nth === 2));
  await h.turn();
  expect(h.logged("commit.repeated")).toHaveLength(1);
  expect(h.logged("jobs.fenced")).toEqual([]);
});
