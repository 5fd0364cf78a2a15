import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { states, steps, type State } from "#core/lib/lifecycle";
import * as jobs from "#core/store/jobs";
import type { JobRow } from "#core/store/jobs";
import { all, first } from "#core/store/sql";
import * as unclearJobs from "#core/store/unclear-jobs";
import { empty, jobIn, NOW, put } from "../../support/rows.ts";

const db = env.DB;
const WEEK = 604_800_000;
const RESULT = '{"tweet_id":"7"}';
const found = () => first<JobRow>(jobs.find(db, "cli_1", "job_1"));
/** A parked job as its reader found it, and what became of it. */
const READ = { client_id: "cli_1", id: "job_1", sequence: 1, checkpoint: null, cost: 0 };
const resolve = (result: string | null, change: Partial<unclearJobs.Resolution> = {}) =>
  unclearJobs.resolve(db, NOW, { ...READ, result, ends: result !== null, ...change }, WEEK).run();

beforeEach(() => empty(db));

describe("resolve", () => {
  const parked = { open: null, maybe_sent: 2, losses: 2, looks: 3, attempts: 4 } as const;

  test("with a result ends a parked job", async () => {
    await put(db, "jobs", jobIn("unknown", { ...parked, error: "{}" }));
    await resolve(RESULT);
    expect(await found()).toMatchObject({
      state: "succeeded",
      open: null,
      result: RESULT,
      error: null,
      finished_at: NOW,
      maybe_sent: 0,
    });
  });

  test("without one queues it anew, at the end of the line, with all its attempts", async () => {
    await put(db, "jobs", jobIn("unknown", { ...parked, expires_at: NOW }));
    await resolve(null);
    expect(await found()).toMatchObject({
      state: "queued",
      open: 1,
      due_at: NOW,
      attempts: 0,
      maybe_sent: 0,
      losses: 0,
      looks: 0,
      expires_at: NOW + WEEK,
    });
  });

  test("moves a parked job alone, whatever its state", async () => {
    for (const state of states) {
      await empty(db);
      await put(db, "jobs", jobIn(state, state === "unknown" ? { maybe_sent: 2 } : {}));
      const before = await found();
      await resolve(RESULT);
      expect(await found()).toEqual(before);
    }
    expect(steps.resolve.from).toEqual(["unknown"] satisfies State[]);
  });

  test("with a part of what is to be done queues it, to go on from there", async () => {
    await put(db, "jobs", jobIn("unknown", { ...parked, checkpoint: "[1]", result: "[1]" }));
    await resolve("[1,2]", { checkpoint: "[1,2]", ends: false });
    const goesOn = { state: "queued", open: 1, checkpoint: "[1,2]", result: "[1,2]", attempts: 0 };
    expect(await found()).toMatchObject(goesOn);
  });

  test("moves no other client's job, and none that has moved since it was read", async () => {
    await put(db, "jobs", jobIn("unknown", parked));
    expect((await resolve(RESULT, { client_id: "cli_2" })).meta.changes).toBe(0);
    expect((await resolve(RESULT, { sequence: 2 })).meta.changes).toBe(0);
  });
});

test("taken are the tweets in the results of the account's other jobs, of threads under way too", async () => {
  const done = (id: string, tweet_id: string, change: Partial<JobRow> = {}) =>
    put(db, "jobs", jobIn("succeeded", { id, result: JSON.stringify({ tweet_id }), ...change }));
  await done("job_2", "20");
  await done("job_3", "30", { account_id: "acc_2" });
  await done("job_4", "40", { client_id: "cli_2" });
  await done("job_1", "10");
  const thread = (id: string, state: State, tweet_ids: string[], more = {}) =>
    put(db, "jobs", jobIn(state, { id, result: JSON.stringify({ tweet_ids, ...more }) }));
  await thread("job_6", "waiting", ["60", "61"]);
  await thread("job_7", "failed", [], { deleted_ids: ["70"] });
  await put(db, "jobs", jobIn("queued", { id: "job_5" }));
  const job = { client_id: "cli_1", account_id: "acc_1", id: "job_1" };
  expect(await all(unclearJobs.taken(db, job, ["10", "20", "30", "40", "6", "61", "70"]))).toEqual([
    { id: "20" },
    { id: "61" },
    { id: "70" },
  ]);
});
