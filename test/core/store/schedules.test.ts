import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import * as schedules from "#core/store/schedules";
import type { Moved, NewSchedule, ScheduleRow } from "#core/store/schedules";
import { all, first } from "#core/store/sql";
import { createHarness } from "../../support/harness.ts";

const db = env.DB;
let of: NewSchedule;

const row = (id: string, more: Partial<NewSchedule> = {}): NewSchedule => ({ ...of, id, ...more });
const ids = async (statement: D1PreparedStatement) => (await all<ScheduleRow>(statement)).map(({ id }) => id);
const read = async (id = "sch_1") =>
  (await first<ScheduleRow>(schedules.find(db, of.client_id, id))) ?? expect.fail(`no ${id}`);

beforeEach(async () => {
  const h = await createHarness();
  of = {
    client_id: h.clientId,
    id: "sch_1",
    account_id: await h.account(),
    kind: "tweet.create",
    params: "{}",
    cron: "@daily",
    time_zone: "UTC",
    catch_up: "skip",
    any_order: 0,
    max_attempts: null,
    expires_after_ms: null,
    metadata: null,
    callback_url: null,
    next_at: 100,
    created_at: 1,
  };
});

test("a schedule stands for an account of its client alone, and once", async () => {
  await schedules.insert(db, row("sch_1")).run();
  await schedules.insert(db, row("sch_1", { cron: "@weekly" })).run();
  expect(await read()).toMatchObject({ cron: "@daily", sequence: 1, fired: 0, skipped: 0 });
  await schedules.insert(db, row("sch_2", { account_id: "acc_other" })).run();
  await schedules.insert(db, row("sch_3", { client_id: "cli_other" })).run();
  await db.prepare("UPDATE accounts SET state = 'disconnected', token = NULL").run();
  await schedules.insert(db, row("sch_4")).run();
  expect(await ids(db.prepare("SELECT id FROM schedules"))).toEqual(["sch_1"]);
});

test("they are listed in the order of their ids, those of some accounts where it is asked", async () => {
  for (const id of ["sch_3", "sch_1", "sch_2"]) await schedules.insert(db, row(id)).run();
  expect(await ids(schedules.list(db, of.client_id, "", null, 2))).toEqual(["sch_1", "sch_2"]);
  expect(await ids(schedules.list(db, of.client_id, "sch_2", [of.account_id], 2))).toEqual(["sch_3"]);
  expect(await ids(schedules.list(db, of.client_id, "", ["acc_other"], 2))).toEqual([]);
  expect(await ids(schedules.list(db, "cli_other", "", null, 2))).toEqual([]);
});

test("those are due whose time comes within the horizon, the earliest first, and no paused one", async () => {
  await schedules.insert(db, row("sch_1", { next_at: 150 })).run();
  await schedules.insert(db, row("sch_2", { next_at: 100 })).run();
  await schedules.insert(db, row("sch_3", { next_at: 151 })).run();
  await schedules.insert(db, row("sch_4", { next_at: null })).run();
  expect(await ids(schedules.due(db, 100, 50, 10))).toEqual(["sch_2", "sch_1"]);
  expect(await ids(schedules.due(db, 100, 50, 1))).toEqual(["sch_2"]);
  expect(await all(schedules.due(db, 100, 0, 1))).toMatchObject([{ now: 100 }]);
});

test("a change holds for the schedule as it was read", async () => {
  await schedules.insert(db, row("sch_1")).run();
  const before = await read();
  expect(await all(schedules.change(db, before, { cron: "@weekly" }))).toMatchObject([{ sequence: 2 }]);
  expect(await all(schedules.change(db, before, { cron: "@hourly" }))).toEqual([]);
  expect(await read()).toMatchObject({ cron: "@weekly" });
});

test("one that moves on counts what it made and what it skipped, once", async () => {
  await schedules.insert(db, row("sch_1")).run();
  const moved: Moved = {
    client_id: of.client_id,
    id: "sch_1",
    sequence: 1,
    next_at: 200,
    last_at: 100,
    last_job_id: "job_1",
    skipped: 3,
    skipped_from: 10,
    skipped_to: 30,
    made: '["job_1"]',
    count: 1,
  };
  await schedules.move(db, [moved]).run();
  await schedules.move(db, [moved]).run();
  // No such job was made: its time is among those that were skipped.
  expect(await read()).toMatchObject({ next_at: 200, sequence: 2, fired: 0, skipped: 4, skipped_to: 30 });
});

test("one that is deleted is gone", async () => {
  await schedules.insert(db, row("sch_1")).run();
  await schedules.remove(db, row("sch_1")).run();
  expect(await ids(db.prepare("SELECT id FROM schedules"))).toEqual([]);
});
