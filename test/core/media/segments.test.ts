import { expect, test } from "vitest";
import { inFlight, segmentBytes } from "#core/media/segments";

const MIB = 1024 * 1024;

test.each([
  [1, 4 * MIB],
  [4_000 * MIB, 4 * MIB],
  [5_000_000_000, 5_000_000],
  [8_000_000_000, 8_000_000],
])("a file of %i bytes goes in segments of %i", (size, segment) => {
  expect(segmentBytes(size)).toBe(segment);
  expect(Math.ceil(size / segment)).toBeLessThanOrEqual(1_000);
});

test("segments in flight hold 16 MiB at most, and end with the file", () => {
  expect(inFlight(100 * MIB, 4 * MIB, 3).map(({ index }) => index)).toEqual([3, 4, 5, 6]);
  expect(inFlight(8_000_000_000, 8_000_000, 0)).toHaveLength(2);
  expect(inFlight(9 * MIB, 4 * MIB, 1)).toEqual([
    { index: 1, offset: 4 * MIB, length: 4 * MIB },
    { index: 2, offset: 8 * MIB, length: MIB },
  ]);
  expect(inFlight(8 * MIB, 4 * MIB, 2)).toEqual([]);
});
