import { expect, test } from "vitest";
import { readBoxes } from "#core/media/boxes";
import { movie, noise } from "../../scripts/movie.ts";

test("a movie has the size it is asked for, and boxes that add up to it", async () => {
  const bytes = movie(70_000, { duration_s: 12 });
  expect(bytes.length).toBe(70_000);
  const boxes = await readBoxes(
    async (offset, length) => bytes.subarray(offset, offset + length),
    bytes.length,
  );
  expect(boxes).toEqual({ end: 70_000, duration_s: 12 });
});

test("two seeds make two files, the same seed the same", () => {
  expect(movie(5_000, { seed: 2 })).toEqual(movie(5_000, { seed: 2 }));
  expect(movie(5_000, { seed: 2 })).not.toEqual(movie(5_000, { seed: 3 }));
  expect(noise(7, 1)).toHaveLength(7);
});
