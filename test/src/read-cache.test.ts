import { describe, expect, test } from "vitest";
import { Problem } from "#core/lib/problem";
import { createReadCache, FRESH_MS, type Shown } from "../../src/read-cache.ts";

const shown = (at: number, text = "{}"): Shown => ({ text, etag: '"e"', window: null, at });

/** Loads that are counted, and end when they are told to. */
function loads() {
  const open: ((value: Shown) => void)[] = [];
  return {
    load: () => new Promise<Shown>((resolve) => open.push(resolve)),
    count: () => open.length,
    end: (index: number, value: Shown) => open[index]?.(value),
  };
}

describe("an answer", () => {
  test("is kept for three seconds", async () => {
    const cache = createReadCache();
    let time = 0;
    let count = 0;
    const read = () =>
      cache.read(
        "a",
        () => time,
        async () => shown(time, String(++count)),
      );
    await read();
    time = FRESH_MS - 1;
    expect((await read()).text).toBe("1");
    time = FRESH_MS;
    expect((await read()).text).toBe("2");
  });

  test("makes room for others when eight million characters are kept", async () => {
    const cache = createReadCache();
    let count = 0;
    const read = (key: string) =>
      cache.read(
        key,
        () => 0,
        async () => {
          count++;
          return shown(0, "x".repeat(3_000_000));
        },
      );
    for (const key of ["a", "b", "c"]) await read(key);
    expect(count).toBe(3);
    await read("c");
    expect(count).toBe(3);
    await read("a");
    expect(count).toBe(4);
  });
});

describe("those who ask at the same time", () => {
  test("wait for one call", async () => {
    const cache = createReadCache();
    const { load, count, end } = loads();
    const both = [cache.read("a", () => 0, load), cache.read("a", () => 0, load)];
    end(0, shown(0, "once"));
    expect((await Promise.all(both)).map(({ text }) => text)).toEqual(["once", "once"]);
    expect(count()).toBe(1);
  });

  test("are all refused by what X refused to one", async () => {
    const cache = createReadCache();
    let count = 0;
    const load = async () => {
      count++;
      throw new Problem("x_rate_limited");
    };
    const ends = await Promise.allSettled([cache.read("a", () => 0, load), cache.read("a", () => 0, load)]);
    expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(count).toBe(1);
  });

  test("ask for themselves when the call of the first never ends", async () => {
    const cache = createReadCache(1);
    const { load } = loads();
    void cache.read("a", () => 0, load);
    const second = await cache.read(
      "a",
      () => 0,
      async () => shown(0, "mine"),
    );
    expect(second.text).toBe("mine");
  });
});
