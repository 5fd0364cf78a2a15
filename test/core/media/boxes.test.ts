import { expect, test } from "vitest";
import { readBoxes } from "#core/media/boxes";
import { box, movie, noise } from "../../../scripts/movie.ts";

const read = (bytes: Uint8Array) =>
  readBoxes(async (offset, length) => {
    if (offset + length > bytes.length) throw new Error("read past the end");
    return bytes.subarray(offset, offset + length);
  }, bytes.length);

const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(parts.flatMap((part) => [...part]));

test("the duration is the header's", async () => {
  expect(await read(movie(3_000, { duration_s: 61 }))).toEqual({ end: 3_000, duration_s: 61 });
});

test("a file that ends before its last box does is found out", async () => {
  const whole = movie(3_000);
  expect(await read(whole.subarray(0, 2_500))).toEqual({ end: 3_000, duration_s: 5 });
});

test("a header that is cut off tells no duration, and how long the file must be", async () => {
  expect(await read(movie(3_000).subarray(0, 60))).toEqual({ end: 144, duration_s: null });
});

test("a last box without a size goes to the end; one with a long size is read", async () => {
  const open = join(new Uint8Array([0, 0, 0, 0]), new TextEncoder().encode("mdat"), noise(100, 1));
  expect(await read(join(box("ftyp", noise(8, 1)), open))).toEqual({ end: 124, duration_s: null });
  const long = join(
    new Uint8Array([0, 0, 0, 1]),
    new TextEncoder().encode("mdat"),
    new Uint8Array([0, 0, 0, 0, 0, 0, 1, 0]),
  );
  expect(await read(long)).toEqual({ end: 256, duration_s: null });
});

test.each([
  ["noise", noise(500, 9)],
  ["a box smaller than its own header", join(new Uint8Array([0, 0, 0, 3]), new TextEncoder().encode("free"))],
  ["some bytes after the last box", join(box("free"), new Uint8Array(3))],
])("%s cannot be read", async (_, bytes) => {
  expect(await read(bytes)).toBeNull();
});

test("a file of very many boxes is not read to its end", async () => {
  let reads = 0;
  const bytes = join(...Array.from({ length: 500 }, () => box("free")));
  await readBoxes(async (offset, length) => {
    reads++;
    return bytes.subarray(offset, offset + length);
  }, bytes.length);
  expect(reads).toBe(64);
});
