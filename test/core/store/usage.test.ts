import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { all } from "#core/store/sql";
import * as usage from "#core/store/usage";
import type { Use, UsageRow } from "#core/store/usage";
import { strict } from "../../support/database.ts";
import { empty, jobIn, NOW, put } from "../../support/rows.ts";

const db = strict(env.DB);
const DAY = 86_400_000;
const TODAY = NOW - (NOW % DAY);

beforeEach(() => empty(env.DB));

const use = (change: Partial<Use> = {}): Use => ({
  client_id: "cli_1",
  job_id: "job_1",
  lease: "lse_1",
  succeeded: 1,
  failed: 0,
  dead: 0,
  reads: 0,
  cost: 15_000,
  ...change,
});
const rows = () => all<UsageRow>(env.DB.prepare("SELECT * FROM usage ORDER BY day, account_id"));
const day = (change: Partial<UsageRow> = {}) =>
  put(env.DB, "usage", { client_id: "cli_1", day: TODAY, account_id: "acc_1", ...change });

test("what a read came to is added to its account's day", async () => {
  await day({ succeeded: 1, reads: 2, cost: 500 });
  const read = { client_id: "cli_1", account_id: "acc_1", reads: 3, cost: 3000 };
  for (const account_id of ["acc_1", "acc_2"]) await usage.addRead(db, NOW, { ...read, account_id }).run();
  expect(await rows()).toMatchObject([
    { account_id: "acc_1", succeeded: 1, reads: 5, cost: 3500 },
    { account_id: "acc_2", succeeded: 0, reads: 3, cost: 3000 },
  ]);
});

describe("what jobs used", () => {
  test("is added up by client, account and day, one row for all of an account's", async () => {
    for (const id of ["job_1", "job_2"]) await put(env.DB, "jobs", jobIn("running", { id }));
    await put(env.DB, "jobs", jobIn("running", { id: "job_3", account_id: "acc_2" }));
    const uses = [
      use(),
      use({ job_id: "job_2", reads: 5, cost: 20_000 }),
      use({ job_id: "job_3", succeeded: 0, dead: 1 }),
    ];
    const { meta } = await usage.add(db, NOW, uses).run();
    expect(await rows()).toMatchObject([
      { day: TODAY, account_id: "acc_1", succeeded: 2, reads: 5, cost: 35_000 },
      { day: TODAY, account_id: "acc_2", succeeded: 0, dead: 1, cost: 15_000 },
    ]);
    expect(meta.rows_written).toBe(2);
  });

  test("counts only while the job runs under the lease that used it", async () => {
    await put(env.DB, "jobs", jobIn("running", { lease: "lse_2" }));
    await usage.add(db, NOW, [use()]).run();
    expect(await rows()).toEqual([]);
  });

  test("goes to the day on which it ended", async () => {
    await put(env.DB, "jobs", jobIn("running"));
    await usage.add(db, TODAY - 1, [use()]).run();
    await usage.add(db, TODAY, [use()]).run();
    expect((await rows()).map((row) => row.day)).toEqual([TODAY - DAY, TODAY]);
  });
});

describe("a job that a person found", () => {
  const JOB = { client_id: "cli_1", id: "job_1", cost: 15_000 };
  const found = (sql: string, change: object = {}) =>
    db.batch([db.prepare(sql), usage.addFound(db, NOW, { ...JOB, ...change })]);

  test("is counted at the price that was expected", async () => {
    await put(env.DB, "jobs", jobIn("succeeded"));
    await found("UPDATE jobs SET sequence = 2 WHERE id = 'job_1'");
    expect(await rows()).toMatchObject([{ succeeded: 1, cost: 15_000 }]);
  });

  test("costs what was found of it, also when it goes on; without that it is not counted yet", async () => {
    await put(env.DB, "jobs", jobIn("queued"));
    await found("UPDATE jobs SET sequence = 2 WHERE id = 'job_1'", { cost: 0 });
    expect(await rows()).toEqual([]);
    await found("UPDATE jobs SET sequence = 3 WHERE id = 'job_1'");
    expect(await rows()).toMatchObject([{ succeeded: 0, cost: 15_000 }]);
  });

  test("is not counted when the statement before it changed nothing", async () => {
    await put(env.DB, "jobs", jobIn("succeeded"));
    await found("UPDATE jobs SET sequence = 2 WHERE id = 'job_2'");
    expect(await rows()).toEqual([]);
  });
});

describe("a list", () => {
  const list = async (accounts: string[] | null = null, after = { day: 0, account_id: "" }, limit = 10) =>
    (
      await all<UsageRow>(usage.list(db, "cli_1", { from: TODAY - DAY, to: TODAY }, after, accounts, limit))
    ).map((row) => `${(row.day - TODAY) / DAY} ${row.account_id}`);

  beforeEach(async () => {
    for (const back of [0, 1, 2])
      for (const account_id of ["acc_2", "acc_1"]) await day({ day: TODAY - back * DAY, account_id });
    await day({ client_id: "cli_2" });
  });

  test("has a client's days in the asked time, by account", async () => {
    expect(await list()).toEqual(["-1 acc_1", "-1 acc_2", "0 acc_1", "0 acc_2"]);
  });

  test("goes on behind a day and account", async () => {
    expect(await list(null, { day: TODAY - DAY, account_id: "acc_1" }, 2)).toEqual(["-1 acc_2", "0 acc_1"]);
  });

  test("shows only the accounts that may be seen", async () => {
    expect(await list(["acc_2"])).toEqual(["-1 acc_2", "0 acc_2"]);
  });
});

test("old days are deleted, those of other clients stay", async () => {
  await day({ day: TODAY - DAY });
  await day();
  await day({ client_id: "cli_2", day: TODAY - DAY });
  await usage.prune(db, ["cli_1"], TODAY, 10).run();
  expect((await rows()).map((row) => `${row.client_id} ${(row.day - TODAY) / DAY}`)).toEqual([
    "cli_2 -1",
    "cli_1 0",
  ]);
});
