import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { fireSchedules, MISSED_MS } from "#core/jobs/fire";
import { newId } from "#core/lib/ids";
import { nextTime } from "#core/lib/recurrence";
import * as schedules from "#core/store/schedules";
import type { NewSchedule, ScheduleRow } from "#core/store/schedules";
import { all, first } from "#core/store/sql";
import { createHarness } from "../../support/harness.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const HORIZON = 90_000;

async function meeting(more: Partial<NewSchedule> = {}) {
  const h = await createHarness();
  const account_id = await h.account({ x_user_id: "7", expires_in_ms: 60 * DAY });
  h.answer(() => Response.json({ data: { bookmarked: false } }));
  const id = newId("sch", "0", h.now());
  const row: NewSchedule = {
    client_id: h.clientId,
    id,
    account_id,
    kind: "bookmark.delete",
    params: JSON.stringify({ account_id, tweet_id: "12" }),
    cron: "0 13 * * *",
    time_zone: "UTC",
    catch_up: "skip",
    any_order: 0,
    max_attempts: null,
    expires_after_ms: null,
    metadata: '{"a":1}',
    callback_url: null,
    next_at: 0,
    created_at: h.now(),
    ...more,
  };
  row.next_at = nextTime(row, h.now());
  await schedules.insert(env.DB, row).run();
  const fire = () => fireSchedules(h.consumer, env.DB, HORIZON);
  const read = async () =>
    (await first<ScheduleRow>(schedules.find(env.DB, h.clientId, id))) ?? expect.fail();
  const jobs = () =>
    all<{ due_at: number; metadata: string; state: string }>(
      env.DB.prepare("SELECT * FROM jobs ORDER BY due_at"),
    );
  return { h, id, account_id, fire, read, jobs };
}

test("a time makes its job a little ahead, due then, and the schedule moves on in the same commit", async () => {
  const { h, fire, read, jobs } = await meeting();
  const at = h.now() + 60 * MINUTE;
  h.advance(60 * MINUTE - HORIZON - 1);
  await fire();
  expect(await jobs()).toEqual([]);
  h.advance(1);
  await fire();
  expect(await jobs()).toMatchObject([{ due_at: at, metadata: '{"a":1}', state: "queued" }]);
  expect(await read()).toMatchObject({ next_at: at + DAY, fired: 1, last_at: at, skipped: 0 });
});

test("several clocks at once make one job, and one that is sent again none more", async () => {
  const { h, fire, read, jobs } = await meeting();
  h.advance(59 * MINUTE);
  await Promise.all([fire(), fire(), fire()]);
  await fire();
  expect(await jobs()).toHaveLength(1);
  expect(await read()).toMatchObject({ fired: 1, skipped: 0 });
});

test("the job is done when it is due, and not before", async () => {
  const { h, read } = await meeting();
  await h.pass(59 * MINUTE + 59_000);
  expect(h.calls).toEqual([]);
  await h.pass(1_000);
  expect(h.calls).toHaveLength(1);
  expect(await h.job((await read()).last_job_id ?? "")).toMatchObject({ state: "succeeded" });
});

test.each<[string, (at: number) => Partial<ScheduleRow>]>([
  ["paused", () => ({ next_at: null, paused_at: 1 })],
  ["changed", (at) => ({ cron: "0 14 * * *", next_at: at + 60 * MINUTE })],
])("one that is %s while its time is looked at makes no job", async (_, columnsAt) => {
  const { h, read, jobs } = await meeting();
  h.advance(59 * MINUTE);
  const row = await read();
  const columns = columnsAt(row.next_at ?? 0);
  let isChanged = false;
  const between = new Proxy(env.DB, {
    get: (db, name: keyof D1Database) =>
      name === "batch"
        ? async (statements: D1PreparedStatement[]) => {
            if (!isChanged) await schedules.change(env.DB, row, columns).run();
            isChanged = true;
            return db.batch(statements);
          }
        : (db[name] as () => unknown).bind(db),
  });
  await fireSchedules(h.consumer, between, HORIZON);
  expect(await jobs()).toEqual([]);
  expect(await read()).toMatchObject({ ...columns, fired: 0, skipped: 0 });
});

describe("times that passed while nobody was there", () => {
  test("are skipped and said", async () => {
    const { h, fire, read, jobs } = await meeting();
    const first_at = h.now() + 60 * MINUTE;
    h.advance(7 * DAY);
    await fire();
    expect(await jobs()).toEqual([]);
    expect(await read()).toMatchObject({
      fired: 0,
      skipped: 7,
      skipped_from: first_at,
      skipped_to: first_at + 6 * DAY,
      next_at: first_at + 7 * DAY,
    });
    expect(h.logged("schedule.fired")).toMatchObject([{ jobs: 0, skipped: 7 }]);
  });

  test("are done once, for the last of them, where that is wanted", async () => {
    const { h, fire, read, jobs } = await meeting({ catch_up: "once" });
    const first_at = h.now() + 60 * MINUTE;
    h.advance(7 * DAY);
    await fire();
    expect(await jobs()).toMatchObject([{ due_at: h.now() }]);
    expect(await read()).toMatchObject({ fired: 1, skipped: 6, skipped_to: first_at + 5 * DAY });
  });

  test("are not missed when they passed a moment ago", async () => {
    const { h, fire, read } = await meeting();
    h.advance(60 * MINUTE + MISSED_MS);
    await fire();
    expect(await read()).toMatchObject({ fired: 1, skipped: 0 });
  });

  test("are counted when there are thousands of them, and one of them is done", async () => {
    const { h, fire, read, jobs } = await meeting({ cron: "* * * * *", catch_up: "once" });
    h.advance(2 * DAY);
    await fire();
    const { fired, skipped } = await read();
    // Those that are due, those of the last ten minutes, and one for all before.
    expect(await jobs()).toHaveLength(fired);
    expect(fired).toBe(1 + 1 + MISSED_MS / MINUTE + 1);
    expect(fired + skipped).toBe((2 * DAY) / MINUTE + 1);
  });

  test("of an account that was disconnected make no job, and are said", async () => {
    const { h, fire, read, jobs } = await meeting();
    await env.DB.prepare("UPDATE accounts SET state = 'disconnected', token = NULL").run();
    h.advance(59 * MINUTE);
    await fire();
    expect(await jobs()).toEqual([]);
    expect(await read()).toMatchObject({ fired: 0, skipped: 1 });
  });
});

test("a hundred schedules of the same minute all fire", async () => {
  const { h, account_id, fire, jobs } = await meeting();
  const row = await first<ScheduleRow>(env.DB.prepare("SELECT * FROM schedules"));
  const { paused_at, fired, last_at, last_job_id, skipped, skipped_from, skipped_to, sequence, ...same } =
    row ?? expect.fail();
  expect([paused_at, fired, last_at, last_job_id, skipped, skipped_from, skipped_to, sequence]).toEqual([
    null,
    0,
    null,
    null,
    0,
    null,
    null,
    1,
  ]);
  for (let n = 1; n < 100; n++)
    await schedules.insert(env.DB, { ...same, account_id, id: newId("sch", "0", h.now()) }).run();
  h.advance(59 * MINUTE);
  await fire();
  expect(await jobs()).toHaveLength(100);
});
