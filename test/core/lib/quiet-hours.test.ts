import { describe, expect, test } from "vitest";
import { awake, isTimeZone, lengthOf, momentAt } from "#core/lib/quiet-hours";

const HOUR = 3_600_000;
const at = (text: string): number => Date.parse(text);
const shown = (spans: { start: number; end: number }[]) =>
  spans.map(({ start, end }) => `${new Date(start).toISOString()} ${new Date(end).toISOString()}`);

const night = (time_zone: string, from = "22:00", to = "07:00") => ({ from, to, time_zone });

test("without quiet hours a span is left whole, and an empty one is none", () => {
  expect(awake({ start: 1, end: 2 }, null)).toEqual([{ start: 1, end: 2 }]);
  expect(awake({ start: 2, end: 2 }, null)).toEqual([]);
});

test("nights are left out, also that in which a span begins", () => {
  const span = { start: at("2026-11-23T05:00:00Z"), end: at("2026-11-24T23:00:00Z") };
  expect(shown(awake(span, night("UTC")))).toEqual([
    "2026-11-23T07:00:00.000Z 2026-11-23T22:00:00.000Z",
    "2026-11-24T07:00:00.000Z 2026-11-24T22:00:00.000Z",
  ]);
});

test("hours within a day, by the clocks of their zone", () => {
  const span = { start: at("2026-11-23T00:00:00Z"), end: at("2026-11-24T00:00:00Z") };
  expect(shown(awake(span, night("Asia/Tokyo", "12:00", "13:30")))).toEqual([
    "2026-11-23T00:00:00.000Z 2026-11-23T03:00:00.000Z",
    "2026-11-23T04:30:00.000Z 2026-11-24T00:00:00.000Z",
  ]);
});

test("a span that is quiet throughout has nothing left", () => {
  expect(awake({ start: at("2026-11-23T23:00:00Z"), end: at("2026-11-24T06:00:00Z") }, night("UTC"))).toEqual(
    [],
  );
});

describe("where clocks change", () => {
  const day = (date: string) => ({
    start: at(`${date}T12:00:00Z`),
    end: at(`${date}T12:00:00Z`) + 24 * HOUR,
  });

  test.each([
    ["on a night of 8 hours in spring", "2026-03-28", 16 * HOUR, "2026-03-29T05:00:00.000Z"],
    ["on a night of 10 hours in autumn", "2026-10-24", 14 * HOUR, "2026-10-25T06:00:00.000Z"],
  ])("quiet hours end by the wall clock, %s", (_, date, left, ends) => {
    const spans = awake(day(date), night("Europe/Berlin"));
    expect(lengthOf(spans)).toBe(left);
    expect(new Date(spans[1]?.start ?? 0).toISOString()).toBe(ends);
  });

  test("a time that is skipped means as far after the change, one that comes twice the first", () => {
    const spring = awake(day("2026-03-28"), night("Europe/Berlin", "02:30", "04:00"));
    expect(shown(spring)[0]).toMatch(/ 2026-03-29T01:30:00.000Z$/);
    const autumn = awake(day("2026-10-24"), night("Europe/Berlin", "02:30", "04:00"));
    expect(shown(autumn)[0]).toMatch(/ 2026-10-25T00:30:00.000Z$/);
  });
});

test("a moment is found across what is left out, and none behind the end", () => {
  const spans = [
    { start: 0, end: 10 },
    { start: 100, end: 110 },
  ];
  expect([0, 9, 10, 19, 20].map((ms) => momentAt(spans, ms))).toEqual([0, 9, 100, 109, null]);
});

test("time zones are those of IANA", () => {
  expect(["Europe/Berlin", "UTC", "Mars/Olympus", ""].map(isTimeZone)).toEqual([true, true, false, false]);
});
