import fc from "fast-check";
import { expect, test } from "vitest";
import { isNewer, snowflakeFloor, snowflakeTime } from "#core/x/snowflake";

test.each([
  ["1346889436626259968", "2021-01-06T18:40:40.344Z"],
  ["1", "2010-11-04T01:42:54.657Z"],
])("%s was made at %s", (id, time) => {
  expect(new Date(snowflakeTime(id)).toISOString()).toBe(time);
});

test("the floor of a time is the first id of its millisecond", () => {
  const times = fc.integer({ min: Date.UTC(2010, 10, 5), max: Date.UTC(2070, 0, 1) });
  fc.assert(
    fc.property(times, (ms) => {
      const floor = snowflakeFloor(ms);
      expect(snowflakeTime(floor)).toBe(ms);
      expect(snowflakeTime(String(BigInt(floor) - 1n))).toBe(ms - 1);
    }),
  );
});

test("before X's first id there is none smaller than 0, and parts of a millisecond are passed over", () => {
  expect(snowflakeFloor(0)).toBe("0");
  expect(snowflakeFloor(Date.UTC(2026, 0, 1) + 0.5)).toBe(snowflakeFloor(Date.UTC(2026, 0, 1) + 1));
});

test("ids are compared as numbers, beyond what a number can hold", () => {
  expect(isNewer("10", "9")).toBe(true);
  expect(isNewer("2101712260468977784", "2101712260468977783")).toBe(true);
  expect(isNewer("7", "7")).toBe(false);
});
