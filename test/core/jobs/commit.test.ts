import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { enqueue, jobIdFor, type Order } from "#core/jobs/enqueue";
import { tweetCreate } from "#core/jobs/kinds/tweet-create";
import { batchedBy, losingAnswers } from "../../support/database.ts";
import { createHarness, rate, refused, tweeted } from "../../support/harness.ts";

// Two jobs of one lane make four commits: the lane taken and the first claimed; each ended and the next claimed; given back.
const LEASING = 1;
const SETTLING = 2;
const HANDING_BACK = 4;

describe("a commit whose answer is lost is sent again, and nothing happens twice", () => {
  test.each([
    ["lanes taken and first jobs claimed", [LEASING]],
    ["a job ended and the next claimed", [SETTLING]],
    ["a lane given back", [HANDING_BACK]],
    ["each of them, and again", [1, 2, 4, 5, 7, 8, 10, 11]],
  ])("%s", async (_, lost) => {
    const h = await createHarness();
    const account = await h.account();
    const ids = [await h.post(account, "one"), await h.post(account, "two")];
    await h.post(account, "later", { run_at: h.now() + 60_000 });
    h.wrapDatabase((db) => losingAnswers(db, (nth) => lost.includes(nth)));
    expect(await h.turn()).toEqual({ acked: 1, retried: 0 });
    expect(h.posted().sort()).toEqual(["one", "two"]);
    for (const id of ids) {
      const job = await h.job(id);
      expect(job).toMatchObject({ state: "succeeded", attempts: 1, crashes: 0, lease: null, sequence: 3 });
      expect(JSON.parse(job.log)).toHaveLength(1);
    }
    expect(await h.lane(`tweets:${account}`)).toMatchObject({ lease: null, next_at: h.now() + 60_000 });
    expect(h.messages).toEqual([{ lane: `tweets:${account}`, at: h.now() + 60_000 }]);
    expect(h.logged("commit.repeated")).toHaveLength(lost.length);
    expect(h.logged("jobs.fenced")).toEqual([]);
  });

  test("the last job ended, and its lane given back with it", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.post(account, "only");
    h.wrapDatabase((db) => losingAnswers(db, (nth) => nth === SETTLING || nth === SETTLING + 1));
    await h.turn();
    expect(h.posted()).toEqual(["only"]);
    expect(await h.job(id)).toMatchObject({ state: "succeeded", attempts: 1, sequence: 3 });
    expect(await h.lane(`tweets:${account}`)).toMatchObject({ lease: null, next_at: null });
    expect(h.logged("commit.repeated")).toHaveLength(2);
    expect(h.logged("jobs.fenced")).toEqual([]);
    expect(h.messages).toEqual([]);
  });

  test("a gate closed with doubling backoff closes once", async () => {
    const h = await createHarness();
    const account = await h.account();
    await h.post(account, "one");
    h.answer(() => refused(401, "Unauthorized"));
    const closedAt = h.now();
    // The first sending comes through, its answer does not, and the second comes when the gate is open again.
    h.wrapDatabase((db) => {
      const losing = losingAnswers(db, (nth) => nth === SETTLING);
      return batchedBy(db, (statements) =>
        losing.batch(statements).catch((error: unknown) => {
          h.advance(31_000);
          throw error;
        }),
      );
    });
    await h.turn();
    expect(h.logged("commit.repeated")).toHaveLength(1);
    expect(await h.gate(`account:${account}`)).toMatchObject({ failures: 1, open_at: closedAt + 30_000 });
  });

  test("an enqueued job is there once, and the repetition wakes its lane although the first moved it", async () => {
    const h = await createHarness();
    const account = await h.account();
    const order: Order = {
      client_id: h.clientId,
      account_id: account,
      kind: tweetCreate,
      params: { account_id: account, text: "once" },
      run_at: null,
      expires_at: null,
      any_order: false,
      max_attempts: null,
      metadata: null,
      cost_estimated: 15_000,
    };
    const id = jobIdFor(order, h.now());
    const databases = { DB: losingAnswers(env.DB, (nth) => nth === 1) };
    const clock = { now: h.now(), stored: h.now() };
    await expect(enqueue(databases, order, id, clock)).rejects.toThrow("connection lost");
    const later = { now: h.now() + 50, stored: h.now() + 50 };
    const { job, wake } = await enqueue(databases, order, id, later, true);
    expect(job).toEqual(await h.job(id));
    expect(job).toMatchObject({ state: "queued", due_at: h.now(), sequence: 1 });
    expect(wake).toEqual({ lane: job.lane, wait_ms: 0 });
    await h.pass(60_000);
    expect(h.posted()).toEqual(["once"]);
  });
});

test("a window that a success used up is closed before the lane's next tweet is sent", async () => {
  const h = await createHarness();
  const account = await h.account();
  for (const text of ["one", "two", "three"]) {
    await h.post(account, text);
    h.advance(1);
  }
  let left = 2;
  h.answer(() => {
    const answer = tweeted();
    for (const [name, value] of Object.entries(rate(h.now(), --left, 600))) answer.headers.set(name, value);
    return answer;
  });
  await h.turn();
  expect(h.posted()).toHaveLength(2);
  const lane = await h.lane(`tweets:${account}`);
  expect(lane?.next_at).toBe(h.now() + 601_000);
  expect(JSON.parse(lane?.window ?? "")).toMatchObject({ limit: 100, remaining: 0 });
  expect(await h.gate(`window:${account}:POST /2/tweets`)).toMatchObject({
    reason: "rate_limited",
    limit: 100,
    remaining: 0,
    resets_at: h.now() + 601_000,
  });
  h.answer(() => tweeted());
  await h.pass(600_999);
  expect(h.posted()).toHaveLength(2);
  await h.pass(1);
  expect(h.posted()).toEqual(["one", "two", "three"]);
});
