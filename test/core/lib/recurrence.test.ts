import { describe, expect, test } from "vitest";
import { cronFlaw, nextTime, nextTimes } from "#core/lib/recurrence";

const times = (cron: string, time_zone: string, after: string, count: number): string[] =>
  nextTimes({ cron, time_zone }, Date.parse(after), count).map((ms) =>
    new Date(ms).toISOString().slice(5, 16),
  );

test("the next time is later than the moment that is asked about", () => {
  const noon = Date.UTC(2026, 10, 23, 12);
  expect(nextTime({ cron: "0 12 * * *", time_zone: "UTC" }, noon)).toBe(noon + 86_400_000);
  expect(nextTime({ cron: "0 12 * * *", time_zone: "UTC" }, noon - 1)).toBe(noon);
});

test("a day that never comes has no time", () => {
  expect(nextTime({ cron: "0 0 30 2 *", time_zone: "UTC" }, 0)).toBeNull();
});

describe("over a change of clocks", () => {
  test("nine in the morning stays nine in the morning", () => {
    expect(times("0 9 * * *", "America/New_York", "2026-03-07T00:00:00Z", 2)).toEqual([
      "03-07T14:00",
      "03-08T13:00",
    ]);
    expect(times("0 9 * * *", "America/New_York", "2026-10-31T00:00:00Z", 2)).toEqual([
      "10-31T13:00",
      "11-01T14:00",
    ]);
  });

  test("a time that is skipped comes as soon as the clocks have gone forward, and once", () => {
    expect(times("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3)).toEqual([
      "03-28T01:30",
      "03-29T01:00",
      "03-30T00:30",
    ]);
  });

  test("a time of day that the clocks show twice comes once", () => {
    expect(times("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", 3)).toEqual([
      "10-24T00:30",
      "10-25T00:30",
      "10-26T01:30",
    ]);
  });

  test("every hour is every hour", () => {
    const hours = times("30 * * * *", "Europe/Berlin", "2026-10-24T22:00:00Z", 5);
    expect(hours).toEqual(["10-24T22:30", "10-24T23:30", "10-25T00:30", "10-25T01:30", "10-25T02:30"]);
  });
});

test.each(["* * * *", "61 * * * *", "* * * * * *", "noon", ""])("%j is refused with a reason", (cron) => {
  expect(cronFlaw(cron)).toEqual(expect.any(String));
});

test.each(["* * * * *", "0 9 * * mon-fri", "@daily", "0 0 L * *"])("%j is taken", (cron) => {
  expect(cronFlaw(cron)).toBeNull();
});
