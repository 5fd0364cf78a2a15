import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs } from "#core/jobs/backoff";

const backoff = { attempts: 5, base_s: 10, cap_s: 900 };

test.each([
  ["the first wait is up to the base", 1, 1, null, 10_000],
  ["it doubles with each attempt", 2, 1, null, 20_000],
  ["and again", 3, 1, null, 40_000],
  ["it never passes the cap", 10, 1, null, 900_000],
  ["nor does a huge attempt overflow", 5_000, 1, null, 900_000],
  ["chance spreads it down to nothing", 3, 0, null, 0],
  ["half the chance is half the wait", 3, 0.5, null, 20_000],
  ["what X asked for is the least", 1, 0, 60, 60_000],
  ["and is spread upwards", 1, 1, 60, 70_000],
])("%s", (_, attempt, random, atLeast, expected) => {
  expect(backoffMs(backoff, attempt, random, atLeast)).toBe(expected);
});

test.each([
  ["its time", 2, 0.5, null, 300_000],
  ["a fifth before it", 2, 0, null, 240_000],
  ["a fifth behind it", 2, 1, null, 360_000],
  ["what was asked for, when that is later", 1, 0.5, 60, 60_000],
  ["its time, when less was asked for", 2, 0.5, 60, 300_000],
])("a timetable waits for %s", (_, attempt, random, atLeast, expected) => {
  const ms = backoffMs({ ...backoff, delays_s: [5, 300] }, attempt, random, atLeast);
  expect(ms).toBeGreaterThanOrEqual(expected);
  // Whole ms, upwards.
  expect(ms).toBeLessThanOrEqual(expected + 1);
});

test("a wait is whole ms, never negative, and never past the cap and what X asked for", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.option(fc.integer({ min: 0, max: 86_400 })),
      (attempt, random, atLeast) => {
        const ms = backoffMs(backoff, attempt, random, atLeast);
        return Number.isInteger(ms) && ms >= (atLeast ?? 0) * 1000 && ms <= (900 + (atLeast ?? 0)) * 1000;
      },
    ),
  );
});
