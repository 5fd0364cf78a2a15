import { expect, test } from "vitest";
import { nextSnowflake, snowflakeAt } from "../../simulator/snowflake.ts";

test("an id holds its time, as X's do", () => {
  // Post 1212092628029698048 is of 2019-12-31T19:26:16.771Z (X's own example of the post object).
  const ms = Number((1212092628029698048n >> 22n) + 1288834974657n);
  expect(new Date(ms).toISOString()).toBe("2019-12-31T19:26:16.771Z");
  expect(nextSnowflake(ms, 0n) >> 22n).toBe(1212092628029698048n >> 22n);
  expect(snowflakeAt(ms)).toBeLessThanOrEqual(1212092628029698048n);
});

test("ids grow while the clock stands still, or goes back", () => {
  const first = nextSnowflake(1_700_000_000_000, 0n);
  const second = nextSnowflake(1_700_000_000_000, first);
  expect(second).toBe(first + 1n);
  expect(nextSnowflake(1_600_000_000_000, second)).toBe(second + 1n);
});
