import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { batchJobId } from "#core/lib/ids";
import * as batchJobs from "#core/store/batch-jobs";
import type { BatchJob, CountRow } from "#core/store/batch-jobs";
import * as batchParts from "#core/store/batch-parts";
import type { JobRow } from "#core/store/jobs";
import { all, changed, first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { accountRow, empty, jobIn, NOW, put } from "../../support/rows.ts";

const db = strict(env.DB);
const BATCH = "bat_01KAB3C4D5V1StGXR8Z5jd0";
const ref = { client_id: "cli_1", id: BATCH };
const everyone = { ...ref, accounts: null };
const idOf = (index: number) => batchJobId(BATCH, index, "0");
const rows = () => all<JobRow>(db.prepare("SELECT * FROM jobs ORDER BY id"));

beforeEach(() => empty(env.DB));

const putJob = (index: number, change: Partial<JobRow> & { state?: JobRow["state"] } = {}) =>
  put(env.DB, "jobs", jobIn(change.state ?? "queued", { id: idOf(index), batch_id: BATCH, ...change }));

const row = (index: number, change: Partial<BatchJob> = {}): string =>
  batchJobs.asRow({
    id: idOf(index),
    kind: "tweet.create",
    account_id: "acc_1",
    lane: "tweets:acc_1",
    ordered: 1,
    run_at: null,
    expires_at: null,
    expires_after_ms: 1000,
    max_attempts: 8,
    cost_estimated: 15,
    params: '{"text":"é \\"quoted\\""}',
    metadata: null,
    warnings: null,
    callback_url: null,
    ...change,
  });

describe("insert", () => {
  const insert = (...some: string[]) => batchJobs.insert(db, ref, NOW, `[${some.join(",")}]`).run();

  test("writes jobs once, as they are handed over, due when the part was begun", async () => {
    await put(env.DB, "accounts", accountRow());
    await batchParts.open(db, NOW, ref, { home: false, accounts: [] }).run();
    const more = {
      run_at: NOW + 500,
      expires_at: NOW + 900,
      metadata: "{}",
      warnings: "[]",
      callback_url: "https://me.shop.com/done",
      ordered: 0,
    } as const;
    for (let times = 0; times < 2; times++)
      await insert(row(0), row(1, more), row(2, { account_id: "acc_2" }));
    expect(await rows()).toMatchObject([
      {
        id: idOf(0),
        batch_id: BATCH,
        state: "queued",
        open: 1,
        due_at: NOW,
        run_at: null,
        expires_at: NOW + 1000,
        params: '{"text":"é \\"quoted\\""}',
        warnings: null,
      },
      {
        id: idOf(1),
        due_at: NOW + 500,
        expires_at: NOW + 900,
        ordered: 0,
        metadata: "{}",
        warnings: "[]",
        callback_url: "https://me.shop.com/done",
      },
    ]);
  });

  test("writes nothing without the part", async () => {
    await put(env.DB, "accounts", accountRow());
    await insert(row(0));
    expect(await rows()).toEqual([]);
  });

  test("reads the list once, however many accounts its client has", async () => {
    const accounts = Array.from({ length: 20 }, (_, n) => `acc_${n}`);
    for (const id of accounts) await put(env.DB, "accounts", accountRow({ id }));
    await batchParts.open(db, NOW, ref, { home: false, accounts: [] }).run();
    const count = 200;
    const { meta } = await insert(
      ...Array.from({ length: count }, (_, n) => row(n, { account_id: accounts[n % 20] ?? "" })),
    );
    expect((await rows()).length).toBe(count);
    expect(meta.rows_read).toBeLessThan(10 * count);
  });
});

/** Without what triggers changed. */
const changedBy = async (statement: D1PreparedStatement): Promise<number | undefined> =>
  (await db.batch<{ count: number }>([statement, changed(db)]))[1]?.results[0]?.count;

describe("of many jobs, those of the batch alone are", () => {
  beforeEach(async () => {
    await putJob(0, { state: "succeeded" });
    await putJob(1, { state: "failed", account_id: "acc_2" });
    await putJob(2, { due_at: NOW + 500 });
    await putJob(3, { state: "waiting" });
    await putJob(4, { state: "running" });
    await putJob(5, { state: "dead", expires_at: NOW - 1 });
    await put(env.DB, "jobs", jobIn("queued", { id: "job_01KAB3C4D6V1StGXR800000" }));
  });
  const states = async () => (await rows()).map(({ state }) => state).slice(0, 6);

  test("counted, by state and whether their time is to come", async () => {
    const counted = await all<CountRow>(batchJobs.count(db, NOW, everyone));
    expect(counted.map(({ state, later, count }) => [state, later, count]).sort()).toEqual([
      ["dead", 0, 1],
      ["failed", 0, 1],
      ["queued", 1, 1],
      ["running", 0, 1],
      ["succeeded", 0, 1],
      ["waiting", 0, 1],
    ]);
    expect(Math.max(...counted.map((one) => one.last_due_at))).toBe(NOW + 500);
    expect(await all(batchJobs.count(db, NOW, { ...ref, accounts: ["acc_2"] }))).toHaveLength(1);
  });

  test("listed in the order of the items", async () => {
    const list = async (after: string, state: JobRow["state"] | null, limit = 10) =>
      (await all<JobRow>(batchJobs.list(db, everyone, after, state, limit))).map(({ id }) => id);
    expect(await list("", null, 3)).toEqual([0, 1, 2].map(idOf));
    expect(await list(idOf(3), null)).toEqual([4, 5].map(idOf));
    expect(await list("", "failed")).toEqual([idOf(1)]);
  });

  test("canceled, if they have not started, and asked to stop, if they run", async () => {
    expect(await changedBy(batchJobs.cancel(db, NOW, everyone))).toBe(2);
    expect(await changedBy(batchJobs.requestCancel(db, everyone))).toBe(1);
    expect(await states()).toEqual(["succeeded", "failed", "canceled", "canceled", "running", "dead"]);
    expect((await rows())[4]).toMatchObject({ cancel_requested: 1 });
  });

  test("given a new life, with a week where their time had passed", async () => {
    expect(await changedBy(batchJobs.redrive(db, NOW, everyone, 1000))).toBe(2);
    expect(await states()).toEqual(["succeeded", "queued", "queued", "waiting", "running", "queued"]);
    expect((await rows())[5]).toMatchObject({ due_at: NOW, expires_at: NOW + 1000, attempts: 0 });
  });

  test("given a new life for some accounts alone", async () => {
    await batchJobs.redrive(db, NOW, { ...ref, accounts: ["acc_2"] }, 1000).run();
    expect(await states()).toEqual(["succeeded", "queued", "queued", "waiting", "running", "dead"]);
  });
});

describe("shift", () => {
  beforeEach(async () => {
    await putJob(0, { due_at: NOW - 10 });
    await putJob(1, { due_at: NOW + 1000, expires_at: NOW + 5000 });
    await putJob(2, { state: "waiting", due_at: NOW + 1000 });
  });
  const dueAts = async () => (await rows()).map(({ due_at }) => due_at - NOW);
  const shift = (ms: number) => batchJobs.shift(db, NOW, everyone, ms).run();
  const span = (ms: number) => first(batchJobs.span(db, NOW, everyone, ms));

  test("to later moves all that has not started, and its end with it", async () => {
    expect(await span(500)).toEqual({ first_due_at: NOW - 10, last_due_at: NOW + 1000 });
    await shift(500);
    expect(await dueAts()).toEqual([490, 1500, 1000]);
    expect((await rows())[1]).toMatchObject({ run_at: NOW + 1500, expires_at: NOW + 5500, sequence: 2 });
  });

  test("to earlier moves what is not due yet, and nothing to before now", async () => {
    expect(await span(-500)).toEqual({ first_due_at: NOW + 1000, last_due_at: NOW + 1000 });
    await shift(-500);
    expect(await dueAts()).toEqual([-10, 500, 1000]);
    expect((await shift(-500)).meta.changes).toBe(0);
  });
});
