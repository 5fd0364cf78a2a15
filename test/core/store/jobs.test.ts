import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { states, steps, type State, type StepName } from "#core/lib/lifecycle";
import * as jobs from "#core/store/jobs";
import type { Ending, JobFilter, JobRow, NewJob } from "#core/store/jobs";
import { all, first } from "#core/store/sql";
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
    checkpoint: null,
    result: null,
    error: null,
    log: "[]",
    wait_ms: null,
    ...change,
  };
};
const settle = (state: State, change: Partial<Ending> = {}) => jobs.settle(db, NOW, [ending(state, change)]);

/** How each step is carried out, and how the lane and the job must stand for it. */
const carriedOut: Record<
  Exclude<StepName, "resolve">,
  { run: () => D1PreparedStatement; job?: Partial<JobRow>; lease?: number }
> = {
  claim: { run: () => jobs.claim(db, NOW, "lse_1", [LANE], ["tweet.create"], false) },
  done: { run: () => settle("succeeded") },
  pause: { run: () => settle("waiting", { wait_ms: 1000 }) },
  lose: { run: () => settle("unknown", { open: null, maybe_sent: 2 }) },
  fail: { run: () => settle("failed") },
  exhaust: { run: () => settle("dead") },
  rescue: { run: () => jobs.rescue(db, NOW, [LANE], [], problems), lease: NOW },
  expire: { run: () => jobs.expire(db, NOW, "lse_1", [LANE], PROBLEM), job: { expires_at: NOW } },
  cancel: { run: () => jobs.cancel(db, NOW, "cli_1", "job_1") },
  requestCancel: { run: () => jobs.requestCancel(db, "cli_1", "job_1") },
  redrive: { run: () => jobs.redrive(db, NOW, "cli_1", "job_1", DAY) },
};

describe.each(Object.entries(carriedOut))("%s", (name, { run, job, lease = NOW + 1000 }) => {
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

describe("the table refuses nonsense", () => {
  test.each([
    ["an unknown state", jobIn("queued", { state: "sleeping" as State })],
    ["a running job without a lease", jobIn("running", { lease: null })],
    ["a lease on a job that does not run", jobIn("waiting", { lease: "lse_1" })],
    ["an end without its time", jobIn("succeeded", { finished_at: null })],
    ["a time of ending without an end", jobIn("waiting", { finished_at: NOW })],
    ["an end that is open", jobIn("failed", { open: 1 })],
    ["a queued job that is not open", jobIn("queued", { open: null })],
    ["a running job that is parked", jobIn("running", { open: null })],
    ["negative attempts", jobIn("queued", { attempts: -1 })],
    ["no attempts at all", jobIn("queued", { max_attempts: 0 })],
    ["another maybe", jobIn("queued", { maybe_sent: 3 as 2 })],
    ["params that are no JSON", jobIn("queued", { params: "{" })],
    ["a log that is no list", jobIn("queued", { log: "{}" })],
    ["a time that is a text", jobIn("queued", { due_at: "soon" as unknown as number })],
    ["the id of another thing", jobIn("queued", { id: "acc_1" })],
  ])("%s", async (_, row) => {
    await expect(putJob(row)).rejects.toThrow(/constraint|cannot store/);
  });

  test("but a kind it does not know is stored: a new kind needs no migration", async () => {
    await putJob(jobIn("queued", { kind: "moon.land" }));
    expect((await found()).kind).toBe("moon.land");
  });
});

describe("claim", () => {
  const claim = (change: { lease?: string; unrepeatable?: string[]; alone?: boolean } = {}) =>
    jobs
      .claim(db, NOW, change.lease ?? "lse_1", [LANE], change.unrepeatable ?? [], change.alone ?? false)
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
    const { meta } = await jobs
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
    await jobs
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
    await jobs.rescue(db, NOW, [LANE], reconcilable, problems).run();
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

  test("leaves alone what another lease runs", async () => {
    expect(await rescued({ lease: "lse_2" })).toMatchObject({ state: "running", crashes: 0 });
  });
});

describe("redrive", () => {
  const redriven = async (job: JobRow) => {
    await putJob(job);
    const row = await first<{ id: string }>(jobs.redrive(db, NOW, "cli_1", "job_1", 7 * DAY));
    expect(row).toEqual({ id: "job_1" });
    return found();
  };

  test("puts a job at the end of its line with a new life", async () => {
    const job = jobIn("dead", { attempts: 5, crashes: 3, cancel_requested: 1 });
    expect(await redriven(job)).toMatchObject({
      state: "queued",
      open: 1,
      due_at: NOW,
      attempts: 0,
      crashes: 0,
      cancel_requested: 0,
      finished_at: null,
      expires_at: job.expires_at,
    });
  });

  test("gives one whose time had passed another week", async () => {
    expect(await redriven(jobIn("failed", { expires_at: NOW }))).toMatchObject({ expires_at: NOW + 7 * DAY });
  });

  test("looks for one that may have been sent", async () => {
    expect(await redriven(jobIn("dead", { maybe_sent: 2 }))).toMatchObject({ state: "unknown", open: 1 });
  });
});

describe("insert", () => {
  const order = (change: Partial<NewJob> = {}): NewJob => ({
    client_id: "cli_1",
    id: "job_1",
    kind: "tweet.create",
    account_id: "acc_1",
    lane: LANE,
    ordered: 1,
    max_attempts: 5,
    params: "{}",
    created_at: NOW,
    run_at: null,
    expires_at: null,
    expires_after_ms: DAY,
    metadata: null,
    ...change,
  });
  const account = {
    id: "acc_1",
    client_id: "cli_1",
    app_id: "app_1",
    x_user_id: "1",
    username: "u",
    name: "U",
  };
  const putAccount = () =>
    put(env.DB, "accounts", {
      ...account,
      scopes: "[]",
      state: "connected",
      token_version: 1,
      created_at: 0,
      updated_at: 0,
    });

  test("takes a hundred jobs in one statement, and again changes nothing", async () => {
    await putAccount();
    const many = Array.from({ length: 100 }, (_, i) =>
      order({ id: `job_${i}`, params: JSON.stringify({ i }) }),
    );
    expect((await jobs.insert(db, NOW, many).run()).meta.changes).toBe(100);
    expect((await jobs.insert(db, NOW + 1, many).run()).meta.changes).toBe(0);
    expect((await found("job_7")).params).toBe('{"i":7}');
  });

  test("passes over jobs for accounts that are another client's or unknown", async () => {
    await putAccount();
    const three = [
      order(),
      order({ id: "job_2", account_id: "acc_2" }),
      order({ id: "job_3", client_id: "cli_2" }),
    ];
    expect((await jobs.insert(db, NOW, three).run()).meta.changes).toBe(1);
  });

  test("without a time of ours D1's own clock says what is due", async () => {
    await putAccount();
    const before = Date.now();
    await jobs.insert(db, null, [order()]).run();
    const { due_at, expires_at } = await found();
    expect(due_at).toBeGreaterThanOrEqual(before - 1000);
    expect(due_at).toBeLessThanOrEqual(Date.now() + 1000);
    expect(expires_at).toBe(due_at + DAY);
  });
});

describe("list", () => {
  const filter: JobFilter = {
    before: "job_~",
    from: "job_",
    state: null,
    later: null,
    kind: null,
    account_id: null,
    batch_id: null,
  };
  const scope = { kinds: ["tweet.create", "tweet.delete"], accounts: null };
  const listed = async (change: Partial<JobFilter>, within: Parameters<typeof jobs.list>[3] = scope) =>
    (await all<JobRow>(jobs.list(db, "cli_1", { ...filter, ...change }, within, NOW, 10))).map(
      ({ id }) => id,
    );

  beforeEach(async () => {
    await putJob(jobIn("queued", { id: "job_1" }));
    await putJob(jobIn("queued", { id: "job_2", due_at: NOW + 1, account_id: "acc_2" }));
    await putJob(jobIn("failed", { id: "job_3", kind: "tweet.delete", batch_id: "bat_1" }));
    await putJob(jobIn("queued", { id: "job_4", kind: "secret.kind" }));
    await putJob(jobIn("queued", { id: "job_5", client_id: "cli_2" }));
  });

  test.each([
    ["all of the client's public kinds, the newest first", {}, ["job_3", "job_2", "job_1"]],
    ["those in a state", { state: "queued" }, ["job_2", "job_1"]],
    ["those whose time is to come", { state: "queued", later: 1 }, ["job_2"]],
    ["those that are due", { state: "queued", later: 0 }, ["job_1"]],
    ["those of a kind", { kind: "tweet.delete" }, ["job_3"]],
    ["those of an account", { account_id: "acc_2" }, ["job_2"]],
    ["those of a batch", { batch_id: "bat_1" }, ["job_3"]],
    ["those below a cursor", { before: "job_2" }, ["job_1"]],
    ["those from an id on", { from: "job_2" }, ["job_3", "job_2"]],
  ] as [string, Partial<JobFilter>, string[]][])("%s", async (_, change, ids) => {
    expect(await listed(change)).toEqual(ids);
  });

  test("a key for some accounts sees theirs alone", async () => {
    expect(await listed({}, { ...scope, accounts: ["acc_2"] })).toEqual(["job_2"]);
    expect(await listed({}, { ...scope, accounts: [] })).toEqual([]);
  });

  test("there is no floor while everything was looked at", async () => {
    expect(await first(jobs.listFloor(db, "cli_1", filter))).toBeNull();
  });
});
