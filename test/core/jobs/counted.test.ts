import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { countsOf, isFirst } from "#core/jobs/counted";
import type { Kind } from "#core/jobs/define";
import { tokenRefresh } from "#core/jobs/kinds/token-refresh";
import { tweetCreate } from "#core/jobs/kinds/tweet-create";
import type { Claimed } from "#core/jobs/run";
import { createTally } from "#core/jobs/tally";
import { createHarness, refused } from "../../support/harness.ts";

const tweet = tweetCreate as Kind;
const job = (change: Partial<Claimed> = {}) =>
  ({
    client_id: "cli_1",
    id: "job_1",
    kind: "tweet.create",
    lease: "lse_1",
    attempts: 1,
    maybe_sent: 1,
    checkpoint: null,
    awaits: null,
    ...change,
  }) as Claimed;

describe("how late a job is", () => {
  test.each<[string, Partial<Claimed>, boolean]>([
    ["its first run", {}, true],
    ["a second attempt", { attempts: 2 }, false],
    ["a look", { maybe_sent: 2 }, false],
    ["one that has come some way", { checkpoint: "{}" }, false],
  ])("is counted at %s, or not", (_, change, counts) => {
    expect(isFirst(tweet, job(change))).toBe(counts);
  });

  test("is not counted of what no client asked for", () => {
    expect(isFirst(tokenRefresh as Kind, job())).toBe(false);
  });
});

test("a run counts its outcome, its money, and its end if it has one", () => {
  const counted = (state: string, final: 0 | 1) =>
    countsOf({ ending: { state, final } } as never, job(), { type: "retry" } as never, {
      tally: createTally(),
      cost: 15,
      now: Date.UTC(2026, 10, 27, 1),
    });
  const counts = { "outcomes|tweet.create|retry": 1, [`spend|${Date.UTC(2026, 10, 27)}`]: 15 };
  expect(counted("succeeded", 1)).toEqual({ ...counts, "ended|tweet.create|succeeded": 1 });
  expect(counted("waiting", 0)).toEqual(counts);
});

test("what was asked of X is counted by how it was answered", async () => {
  const h = await createHarness();
  const account = await h.account();
  await h.post(account, "refused");
  h.answer(() => refused(403, "No"));
  await h.turn();
  const counts = await h.tallies();
  expect(counts).toMatchObject({
    "calls|POST /2/tweets|4xx": 1,
    "outcomes|tweet.create|fail": 1,
    "ended|tweet.create|failed": 1,
    "late|0.1": 1,
  });
});

test("a turn counts all its jobs with its hand-back: one row more, however many they are", async () => {
  const rows = async (jobs: number): Promise<number> => {
    const h = await createHarness();
    const account = await h.account();
    for (let i = 0; i < jobs; i++) await h.post(account, `tweet ${i}`);
    await h.turn();
    expect(await h.tallies()).toMatchObject({ "ended|tweet.create|succeeded": jobs });
    return h.logged("turn.ended").reduce((sum, line) => sum + (line.rows_written as number), 0);
  };
  const [one, two, ten] = [await rows(1), await rows(2), await rows(10)];
  expect(ten - one).toBe(9 * (two - one));
});

test("a job that was to be canceled and comes back unsent counts as canceled", async () => {
  const h = await createHarness();
  const id = await h.post(await h.account(), "late");
  h.answer(async () => {
    await env.DB.prepare("UPDATE jobs SET cancel_requested = 1 WHERE id = ?").bind(id).run();
    return refused(429, "Too many");
  });
  await h.turn();
  expect((await h.job(id)).state).toBe("canceled");
  expect(await h.tallies()).toMatchObject({ "ended|tweet.create|canceled": 1 });
});
