import { describe, expect, test } from "vitest";
import { stage } from "#core/jobs/stage";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "#core/lib/clock";
import { newId } from "#core/lib/ids";
import { nextTime } from "#core/lib/recurrence";
import * as schedules from "#core/store/schedules";
import type { NewSchedule, ScheduleRow } from "#core/store/schedules";
import { first } from "#core/store/sql";
import { createWorld, type World } from "./world.ts";

// Schedules in virtual time: two clocks tick every minute, the engine does what they make, and X says what it was asked when.

/** Days and nights go by, with as many clocks. */
async function live(world: World, until: number, clocks = 2): Promise<void> {
  let tick = world.now();
  while (world.now() < until) {
    for (let batch = world.take(); batch !== null; batch = world.take())
      await world.turn(batch, world.worker());
    if (world.now() >= tick) {
      await Promise.all(Array.from({ length: clocks }, () => stage(world.worker())));
      tick = world.now() + MINUTE_MS;
    } else world.goTo(Math.min(tick, world.next(), until));
  }
}

/** A schedule that begins at a time, in a world of its own. */
async function meeting(start: string, of: Pick<NewSchedule, "cron" | "time_zone" | "catch_up">) {
  const world = await createWorld({ random: () => 0.5 });
  world.goTo(Date.parse(start));
  const { account } = await world.connect("ada");
  const id = newId("sch", "0", world.now());
  const row: NewSchedule = {
    client_id: world.client_id,
    id,
    account_id: account,
    kind: "bookmark.delete",
    params: JSON.stringify({ account_id: account, tweet_id: "12" }),
    any_order: 0,
    max_attempts: null,
    expires_after_ms: null,
    metadata: null,
    callback_url: null,
    created_at: world.now(),
    next_at: nextTime(of, world.now()),
    ...of,
  };
  await schedules.insert(world.db, row).run();
  return {
    world,
    read: async () =>
      (await first<ScheduleRow>(schedules.find(world.db, world.client_id, id))) ?? expect.fail(),
    /** When X was asked, to the minute. */
    asked: () =>
      world.simulator
        .calls()
        .last.filter(({ path, status }) => path.includes("/bookmarks/") && status === 200)
        .map(({ at }) => new Date(at).toISOString().slice(5, 16)),
  };
}

describe("over a change of clocks each time comes once", () => {
  test.each([
    ["forward, a time that is skipped", "2027-03-27T12:00:00Z", "30 2 * * *", ["03-28T01:00", "03-29T00:30"]],
    ["forward, nine in the morning", "2027-03-27T12:00:00Z", "0 9 * * *", ["03-28T07:00", "03-29T07:00"]],
    ["back, a time that comes twice", "2027-10-30T12:00:00Z", "30 2 * * *", ["10-31T00:30", "11-01T01:30"]],
    ["back, nine in the morning", "2027-10-30T12:00:00Z", "0 9 * * *", ["10-31T08:00", "11-01T08:00"]],
  ])("%s", async (_, start, cron, times) => {
    const { world, read, asked } = await meeting(start, {
      cron,
      time_zone: "Europe/Berlin",
      catch_up: "skip",
    });
    await live(world, Date.parse(start) + 2 * DAY_MS);
    expect(asked()).toEqual(times);
    expect(await read()).toMatchObject({ fired: 2, skipped: 0 });
  });

  test.each([
    ["forward", "2027-03-27T20:00:00Z", 24],
    ["back", "2027-10-30T20:00:00Z", 24],
  ])("%s, every hour", async (_, start, hours) => {
    const every = { cron: "15 * * * *", time_zone: "Europe/Berlin", catch_up: "skip" } as const;
    const { world, asked } = await meeting(start, every);
    await live(world, Date.parse(start) + hours * HOUR_MS);
    expect(asked()).toHaveLength(hours);
    expect(new Set(asked()).size).toBe(hours);
  });
});

describe("a week in which nothing runs", () => {
  const start = "2027-01-04T12:00:00Z";
  const daily = { cron: "0 9 * * *", time_zone: "America/New_York" };

  async function outage(catch_up: "skip" | "once") {
    const met = await meeting(start, { ...daily, catch_up });
    await live(met.world, Date.parse(start) + DAY_MS);
    met.world.goTo(Date.parse(start) + 8 * DAY_MS + 6 * HOUR_MS);
    await live(met.world, Date.parse(start) + 10 * DAY_MS);
    return met;
  }

  test("is skipped and said, and what comes after it is done", async () => {
    const { read, asked } = await outage("skip");
    expect(asked()).toEqual(["01-04T14:00", "01-13T14:00"]);
    expect(await read()).toMatchObject({
      fired: 2,
      skipped: 8,
      skipped_from: Date.parse("2027-01-05T14:00:00Z"),
      skipped_to: Date.parse("2027-01-12T14:00:00Z"),
    });
  });

  test("is caught up with once, where that is wanted", async () => {
    const { read, asked } = await outage("once");
    const [before, caught, after, ...more] = asked();
    expect([before, caught?.slice(0, 8), after, more]).toEqual([
      "01-04T14:00",
      "01-12T18",
      "01-13T14:00",
      [],
    ]);
    expect(await read()).toMatchObject({ fired: 3, skipped: 7 });
  });
});
