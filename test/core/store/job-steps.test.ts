import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { states, steps, type State, type StepName } from "#core/lib/lifecycle";
import * as jobSteps from "#core/store/job-steps";
import type { Ending } from "#core/store/job-steps";
import * as jobs from "#core/store/jobs";
import type { JobRow } from "#core/store/jobs";
import { first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { empty, jobIn, NOW, put, putLane } from "../../support/rows.ts";

const db = strict(env.DB);
const LANE = "tweets:acc_1";
const DAY = 86_400_000;
const PROBLEM = '{"code":"poison"}';
const problems = {
  poison: PROBLEM,
  exhausted: '{"code":"attempts_exhausted"}',
  lost: '{"code":"x_unreachable"}',
};

beforeEach(() => empty(env.DB));

const putJob = (row: JobRow) => put(env.DB, "jobs", row);
const found = async (id = "job_1"): Promise<JobRow> => {
  const row = await first<JobRow>(jobs.find(db, "cli_1", id));
  if (!row) throw new Error(`no ${id}`);
  return row;
};

const ending = (state: State, change: Partial<Ending> = {}): Ending => {
  const final = ["succeeded", "failed", "dead"].includes(state);
  return {
    client_id: "cli_1",
    id: "job_1",
    lease: "lse_1",
    state,
    open: final ? null : 1,
    final: final ? 1 : 0,
    attempts: 1,
    maybe_sent: 0,
    crashes: 0,
    expires_at: NOW + 1000,
    looks: 0,
    losses: 0,
    awaits: null,
    checkpoint: null,
    result: null,
    error: null,
    log: "[]",
    wait_ms: null,
    cost: 0,
    estimate: null,
    ...change,
  };
};
const settle = (state: State, change: Partial<Ending> = {}) =>
  jobSteps.settle(db, NOW, [ending(state, change)]);

type CarriedOut = { run: () => D1PreparedStatement; job?: Partial<JobRow>; lease?: number };
/** How each step is carried out, and how the lane and the job must stand for it. */
const carriedOut: Record<Exclude<StepName, "resolve" | "renew">, CarriedOut> = {
  claim: {
    run: () =>
      jobSteps.claim(
        db,
        NOW,
        { lease: "lse_1", lease_ms: 1, unrepeatable: ["tweet.create"] },
        [{ lane: LANE, calls: 0, money: 0, carried: null }],
        false,
      ),
  },
  done: { run: () => settle("succeeded") },
  pause: { run: () => settle("waiting", { wait_ms: 1000 }) },
  lose: { run: () => settle("unknown", { open: null, maybe_sent: 2 }) },
  fail: { run: () => settle("failed") },
  exhaust: { run: () => settle("dead") },
  rescue: { run: () => jobSteps.rescue(db, NOW, [LANE], [], problems), lease: NOW },
  expire: { run: () => jobSteps.expire(db, NOW, "lse_1", [LANE], PROBLEM), job: { expires_at: NOW } },
  cancel: { run: () => jobs.cancel(db, NOW, "cli_1", "job_1") },
  requestCancel: { run: () => jobs.requestCancel(db, "cli_1", "job_1") },
  redrive: { run: () => jobs.redrive(db, NOW, "cli_1", ["job_1"], DAY) },
};

/** The same steps, of a whole lane. */
const ofLane: [StepName, CarriedOut][] = [
  ["cancel", { run: () => jobSteps.cancelLane(db, NOW, "cli_1", LANE, 10) }],
  ["requestCancel", { run: () => jobSteps.requestCancelLane(db, "cli_1", LANE) }],
];

describe.each([...Object.entries(carriedOut), ...ofLane])("%s", (name, { run, job, lease = NOW + 1000 }) => {
  const step = steps[name as StepName];

  test.each(states.map((state) => ({ state, legal: (step.from as readonly State[]).includes(state) })))(
    "from $state: $legal",
    async ({ state, legal }) => {
      await putLane(env.DB, { lease: "lse_1", leased_until: lease });
      await putJob(jobIn(state, job));
      const before = await found();
      const { meta } = await run().run();
      const after = await found();
      if (legal) expect(step.to).toContain(after.state);
      else expect(after).toEqual(before);
      expect(meta.changes > 0).toBe(legal);
    },
  );

  test("a parked job is not moved", async () => {
    await putLane(env.DB, { lease: "lse_1", leased_until: lease });
    await putJob(jobIn("unknown", { open: null, maybe_sent: 2, ...job }));
    const before = await found();
    await run().run();
    expect(await found()).toEqual(before);
  });
});

describe("claim", () => {
  const claim = (change: { lease?: string; unrepeatable?: string[]; alone?: boolean } = {}) =>
    jobSteps
      .claim(
        db,
        NOW,
        { lease: change.lease ?? "lse_1", lease_ms: 1, unrepeatable: change.unrepeatable ?? [] },
        [{ lane: LANE, calls: 0, money: 0, carried: null }],
        change.alone ?? false,
      )
      .run();
  const held = (change = {}) => putLane(env.DB, { lease: "lse_1", leased_until: NOW + 1, ...change });

  test.each([
    ["another's lease", {}, {}, { lease: "lse_2" }],
    ["a lease that ran out", { leased_until: NOW }, {}, {}],
    ["a job that is not due", {}, { due_at: NOW + 1 }, {}],
    ["a job that backs off", {}, { next_attempt_at: NOW + 1 }, {}],
    ["a job that has expired", {}, { expires_at: NOW }, {}],
    ["a job that crashed twice", {}, { crashes: 2 }, {}],
  ])("takes nothing with %s", async (_, lane, job, how) => {
    await held(lane);
    await putJob(jobIn("waiting", job));
    expect((await claim(how)).meta.changes).toBe(0);
  });

  test("takes a job that crashed twice alone", async () => {
    await held();
    await putJob(jobIn("waiting", { crashes: 2 }));
    expect((await claim({ alone: true })).meta.changes).toBe(1);
  });

  test("takes the first of the line: by due time, then by id", async () => {
    await held();
    for (const [id, due_at] of [
      ["job_c", 1],
      ["job_b", 2],
      ["job_a", 2],
    ] as const)
      await putJob(jobIn("queued", { id, due_at }));
    await claim();
    expect((await found("job_c")).state).toBe("running");
    expect((await found("job_a")).state).toBe("queued");
  });

  test.each([
    ["notes before X is called that a job that must not be repeated may have acted", 0, ["tweet.create"], 1],
    ["and not so for one that may be", 0, ["tweet.delete"], 0],
    ["and keeps what is unclear", 2, ["tweet.create"], 2],
  ] as const)("%s", async (_, before, unrepeatable, after) => {
    await held();
    await putJob(jobIn("unknown", { maybe_sent: before }));
    await claim({ unrepeatable: [...unrepeatable] });
    expect(await found()).toMatchObject({
      state: "running",
      maybe_sent: after,
      attempts: 2,
      lease: "lse_1",
      sequence: 2,
    });
  });

  test("sets the start once", async () => {
    await held();
    await putJob(jobIn("waiting", { started_at: 5 }));
    await claim();
    expect((await found()).started_at).toBe(5);
  });
});

describe("settle", () => {
  test("changes nothing under another lease", async () => {
    await putJob(jobIn("running"));
    expect((await settle("succeeded", { lease: "lse_2" }).run()).meta.changes).toBe(0);
    expect(await found()).toMatchObject({ state: "running" });
  });

  test("settles many jobs in one statement", async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `job_${i}`);
    for (const id of ids) await putJob(jobIn("running", { id }));
    const { meta } = await jobSteps
      .settle(
        db,
        NOW,
        ids.map((id) => ending("succeeded", { id })),
      )
      .run();
    expect(meta.changes).toBe(20);
  });

  test("an ordered job keeps its due time while it pauses, another takes the end of the pause for it", async () => {
    for (const ordered of [0, 1] as const) await putJob(jobIn("running", { id: `job_${ordered}`, ordered }));
    await jobSteps
      .settle(
        db,
        NOW,
        [0, 1].map((i) => ending("waiting", { id: `job_${i}`, wait_ms: 5000 })),
      )
      .run();
    expect(await found("job_1")).toMatchObject({ due_at: NOW - 1000, next_attempt_at: NOW + 5000 });
    expect(await found("job_0")).toMatchObject({ due_at: NOW + 5000, next_attempt_at: NOW + 5000 });
  });
});

describe("rescue", () => {
  const rescued = async (job: Partial<JobRow>, reconcilable: string[] = []) => {
    await putLane(env.DB, { lease: "lse_1", leased_until: NOW });
    await putJob(jobIn("running", job));
    await jobSteps.rescue(db, NOW, [LANE], reconcilable, problems).run();
    return found();
  };

  test.each([
    [
      "one that was surely not sent is tried again",
      { maybe_sent: 0 },
      { state: "waiting", open: 1, maybe_sent: 0, crashes: 1 },
    ],
    [
      "one that may have been sent is parked",
      { maybe_sent: 1 },
      { state: "unknown", open: null, maybe_sent: 2 },
    ],
    [
      "also when it was to be canceled",
      { maybe_sent: 1, cancel_requested: 1 },
      { state: "unknown", open: null },
    ],
    [
      "one that was to be canceled is",
      { cancel_requested: 1 },
      { state: "canceled", open: null, finished_at: NOW },
    ],
    ["a third crash is the last", { crashes: 2 }, { state: "dead", error: PROBLEM, finished_at: NOW }],
    ["so is the last attempt", { attempts: 5 }, { state: "dead", error: problems.exhausted }],
  ] as const)("%s", async (_, job, after) => {
    expect(await rescued(job)).toMatchObject({ ...after, lease: null, sequence: 2 });
  });

  test("one that can be looked for is, 5 s later", async () => {
    expect(await rescued({ maybe_sent: 1 }, ["tweet.create"])).toMatchObject({
      state: "unknown",
      open: 1,
      next_attempt_at: NOW + 5000,
    });
  });

  test("one that can be looked for and crashed three times is parked", async () => {
    expect(await rescued({ maybe_sent: 2, crashes: 2 }, ["tweet.create"])).toMatchObject({
      state: "unknown",
      open: null,
    });
  });

  test("a look costs no attempt", async () => {
    expect(await rescued({ maybe_sent: 2, attempts: 2 }, ["tweet.create"])).toMatchObject({ attempts: 1 });
  });

  test("an attempt stays counted", async () => {
    expect(await rescued({ maybe_sent: 1, attempts: 2 }, ["tweet.create"])).toMatchObject({ attempts: 2 });
  });

  test("leaves alone what another lease runs", async () => {
    expect(await rescued({ lease: "lse_2" })).toMatchObject({ state: "running", crashes: 0 });
  });
});

describe("canceling a lane", () => {
  const cancel = (limit: number, client = "cli_1", lane = LANE) =>
    jobSteps.cancelLane(db, NOW, client, lane, limit).run();

  test("takes the first ones of it, up to the limit, and reads no more than it must", async () => {
    for (let i = 0; i < 50; i++) await putJob(jobIn("queued", { id: `job_${100 + i}`, due_at: i }));
    const { meta, results } = await cancel(5);
    expect(results).toHaveLength(5);
    expect(meta.rows_read).toBeLessThan(50);
    expect((await found("job_104")).state).toBe("canceled");
    expect((await found("job_105")).state).toBe("queued");
  });

  test("takes none of another lane or client", async () => {
    await putJob(jobIn("queued"));
    expect((await cancel(5, "cli_2")).results).toEqual([]);
    expect((await cancel(5, "cli_1", "tweets:acc_2")).results).toEqual([]);
  });

  test("asks what runs to stop, and nothing else", async () => {
    await putJob(jobIn("running", { due_at: 1 }));
    await putJob(jobIn("queued", { id: "job_2" }));
    await putJob(jobIn("running", { id: "job_3", lane: "tweets:acc_2" }));
    await jobSteps.requestCancelLane(db, "cli_1", LANE).run();
    const asked = await Promise.all(["job_1", "job_2", "job_3"].map(found));
    expect(asked.map(({ cancel_requested }) => cancel_requested)).toEqual([1, 0, 0]);
  });
});
