import { expect, test } from "vitest";
import { percentile, table } from "../../scripts/table.ts";

test("a percentile is a value that is there", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentile(hundred, 0.5)).toBe(50);
  expect(percentile(hundred, 0.99)).toBe(99);
  expect(percentile(hundred, 1)).toBe(100);
  expect(percentile([7], 0.5)).toBe(7);
  expect(percentile([], 0.5)).toBe(0);
});

test("a table has its values in one column", () => {
  expect(
    table([
      ["a", 1],
      ["longer", "2 ms"],
    ]),
  ).toBe("  a       1\n  longer  2 ms");
});
