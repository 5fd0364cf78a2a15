import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  batchJobId,
  batchRange,
  encodeTime,
  idFloor,
  indexInBatch,
  isId,
  newId,
  randomText,
  shardOf,
} from "#core/lib/ids";

const NOW = Date.UTC(2026, 10, 23);
const times = fc.integer({ min: 0, max: 2 ** 48 });
const zeros = (bytes: number) => new Uint8Array(bytes);

test("an id has its prefix, its time, its chance and its shard", () => {
  expect(newId("job", "1", NOW, zeros)).toBe(`job_${encodeTime(NOW)}0000000000001`);
  expect(shardOf(newId("job", "7", NOW))).toBe("7");
});

test("time has ten characters, whenever it is", () => {
  expect(encodeTime(0)).toBe("0000000000");
  expect(encodeTime(-5)).toBe("0000000000");
  expect(encodeTime(31)).toBe("000000000Z");
  expect(encodeTime(2 ** 48)).toHaveLength(10);
});

test("ids sort by the time they were made", () => {
  fc.assert(
    fc.property(times, times, (a, b) => {
      if (a === b) return true;
      return a < b === newId("job", "0", a) < newId("job", "0", b);
    }),
  );
});

test("the floor of a time is below every id made then, and above every id made before", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 48 }), (ms) => {
      const floor = idFloor("job", ms);
      return newId("job", "0", ms) >= floor && newId("job", "z", ms - 1) < floor;
    }),
  );
});

test("a thousand ids of the same ms differ", () => {
  expect(new Set(Array.from({ length: 1000 }, () => newId("job", "0", NOW))).size).toBe(1000);
});

test("random text has letters and digits alone", () => {
  expect(randomText(500)).toMatch(/^[0-9A-Za-z]{500}$/);
});

describe("the form of an id", () => {
  test("every new id has it, for its own prefix", () => {
    const id = newId("acc", "z", NOW);
    expect(isId("acc", id)).toBe(true);
    expect(isId("job", id)).toBe(false);
  });

  test.each([
    "",
    "acc_",
    "acc_1",
    newId("acc", "0", NOW).slice(0, -1),
    `${newId("acc", "0", NOW)}0`,
    newId("acc", "0", NOW).replace("acc_", "acc-"),
    newId("acc", "-", NOW),
    `acc_IIIIIIIIII${"0".repeat(13)}`,
    ` ${newId("acc", "0", NOW)}`,
    `${newId("acc", "0", NOW)}\n`,
  ])("%j has not", (text) => {
    expect(isId("acc", text)).toBe(false);
  });
});

describe("the jobs of a batch", () => {
  const batch = newId("bat", "0", 1_700_000_000_000);

  test("have ids that sort in the order of the items, whatever their shard", () => {
    const indexes = [0, 1, 9, 10, 61, 62, 3843, 3844, 9999];
    const ids = indexes.map((index) => batchJobId(batch, index, index % 2 === 0 ? "z" : "0"));
    expect(ids.every((id) => isId("job", id))).toBe(true);
    expect([...ids].sort()).toEqual(ids);
    expect(ids.map(indexInBatch)).toEqual(indexes);
    expect(ids.map(shardOf)).toEqual(indexes.map((index) => (index % 2 === 0 ? "z" : "0")));
  });

  test("lie in a range in which nothing else lies", () => {
    const { from, to } = batchRange(batch);
    const isIn = (id: string) => id > from && id < to;
    expect([0, 9999].map((index) => batchJobId(batch, index, "z")).every(isIn)).toBe(true);
    const others = [1_699_999_999_999, 1_700_000_000_000, 1_700_000_000_001];
    expect(others.map((ms) => newId("job", "0", ms)).some(isIn)).toBe(false);
  });
});
