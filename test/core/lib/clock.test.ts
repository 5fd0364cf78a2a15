import { describe, expect, test } from "vitest";
import { rfc3339, systemClock, within } from "#core/lib/clock";

describe("the system's clock", () => {
  test("is this Worker's, and leaves what is stored to D1's own", () => {
    const clock = systemClock();
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1000);
    expect(clock.stored()).toBeNull();
  });

  test("scaled, it runs faster from the same beginning for everybody, also for what is stored", () => {
    const [a, b] = [systemClock(60), systemClock(60)];
    const epoch = Date.UTC(2026, 0, 1);
    const expected = epoch + (Date.now() - epoch) * 60;
    expect(Math.abs(a.now() - expected)).toBeLessThan(60_000);
    expect(Math.abs(a.now() - b.now())).toBeLessThan(60_000);
    expect(Math.abs((a.stored() ?? 0) - a.now())).toBeLessThan(60_000);
  });

  test("scaled, it sleeps for less", async () => {
    const began = Date.now();
    await systemClock(1000).sleep(1000);
    expect(Date.now() - began).toBeLessThan(500);
  });
});

describe("an answer within a time", () => {
  test("is the answer", async () => {
    expect(await within(Promise.resolve(7), 1000)).toBe(7);
  });

  test("is the refusal, if it was refused", async () => {
    await expect(within(Promise.reject(new Error("no")), 1000)).rejects.toThrow("no");
  });

  test("is given up on when it does not come", async () => {
    await expect(within(new Promise(() => undefined), 5)).rejects.toThrow("no answer within 5 ms");
  });
});

test.each([
  [0, "1970-01-01T00:00:00.000Z"],
  [1_795_392_000_123, "2026-11-23T00:00:00.123Z"],
  [null, null],
])("%j is %j in RFC 3339", (ms, text) => {
  expect(rfc3339(ms)).toBe(text);
});
