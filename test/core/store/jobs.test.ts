import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import type { State } from "#core/lib/lifecycle";
import * as jobs from "#core/store/jobs";
import type { JobFilter, JobRow, NewJob } from "#core/store/jobs";
import { all, first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { empty, jobIn, NOW, put } from "../../support/rows.ts";

const db = strict(env.DB);
const LANE = "tweets:acc_1";
const DAY = 86_400_000;

beforeEach(() => empty(env.DB));

const putJob = (row: JobRow) => put(env.DB, "jobs", row);
const found = async (id = "job_1"): Promise<JobRow> => {
  const row = await first<JobRow>(jobs.find(db, "cli_1", id));
  if (!row) throw new Error(`no ${id}`);
  return row;
};

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

describe("redrive", () => {
  const redriven = async (job: JobRow) => {
    await putJob(job);
    const row = await first<{ id: string; batch_id: null }>(
      jobs.redrive(db, NOW, "cli_1", ["job_1"], 7 * DAY),
    );
    expect(row).toEqual({ id: "job_1", batch_id: null });
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
    cost_estimated: 15_000,
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
      token_issued_at: 0,
      token_origin: "connect",
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

  test("takes more jobs than are written out in the statement's text", async () => {
    await putAccount();
    const many = Array.from({ length: 250 }, (_, i) =>
      order({ id: `job_${i}`, run_at: i % 2 ? NOW + i : null }),
    );
    expect((await jobs.insert(db, NOW, many).run()).meta.changes).toBe(250);
    expect(await found("job_249")).toMatchObject({
      state: "queued",
      due_at: NOW + 249,
      run_at: NOW + 249,
      open: 1,
    });
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

  test.each([
    ["connected", 1],
    ["reconnect_required", 1],
    ["disconnected", 0],
  ])("for an account that is %s takes %i", async (state, taken) => {
    await putAccount();
    await env.DB.prepare("UPDATE accounts SET state = ?").bind(state).run();
    expect((await jobs.insert(db, NOW, [order()]).run()).meta.changes).toBe(taken);
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

test("of a set of jobs those are named that are there, each with its client", async () => {
  await putJob(jobIn("queued", { id: "job_1" }));
  await putJob(jobIn("queued", { id: "job_2", client_id: "cli_2" }));
  const wanted = [
    { client_id: "cli_1", id: "job_1" },
    { client_id: "cli_1", id: "job_2" },
    { client_id: "cli_1", id: "job_3" },
  ];
  expect(await all(jobs.present(db, wanted))).toEqual([{ client_id: "cli_1", id: "job_1" }]);
});

test("pruning deletes a bounded number of those clients' jobs that ended before a time, and no other", async () => {
  const old = { finished_at: NOW - 1 };
  await putJob(jobIn("succeeded", { id: "job_1", ...old }));
  await putJob(jobIn("failed", { id: "job_2", ...old }));
  await putJob(jobIn("dead", { id: "job_3", client_id: "cli_2", ...old }));
  await putJob(jobIn("canceled", { id: "job_4", client_id: "cli_3", ...old }));
  await putJob(jobIn("succeeded", { id: "job_5", finished_at: NOW }));
  await putJob(jobIn("unknown", { id: "job_6", open: null }));
  await putJob(jobIn("succeeded", { id: "job_9", ...old }));
  const pruned = async () => (await jobs.prune(db, ["cli_1", "cli_2"], "job_9", NOW, 2).run()).meta.changes;
  expect([await pruned(), await pruned(), await pruned()]).toEqual([2, 1, 0]);
  const left = await all<{ id: string }>(env.DB.prepare("SELECT id FROM jobs ORDER BY id"));
  expect(left.map(({ id }) => id)).toEqual(["job_4", "job_5", "job_6", "job_9"]);
});
