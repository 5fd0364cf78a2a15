import { describe, expect, test } from "vitest";
import { readRate } from "#core/x/headers";

const NOW = Date.UTC(2026, 10, 23, 12, 0, 0);
const NOW_S = NOW / 1000;

const rates = (prefix: string, limit: string, remaining: string, reset: string) => ({
  [`${prefix}-limit`]: limit,
  [`${prefix}-remaining`]: remaining,
  [`${prefix}-reset`]: reset,
});
const read = (headers: Record<string, string>) => readRate(new Headers(headers), NOW);
const xDate = (offset_ms: number) => ({ date: new Date(NOW + offset_ms).toUTCString() });
const reset = (offset_s: number) => String(NOW_S + offset_s);

test("an answer without headers says nothing", () => {
  expect(read({})).toEqual({
    window: null,
    app_day: null,
    user_day: null,
    skew_ms: 0,
    retry_after_s: null,
  });
});

test("each family is read from its own headers", () => {
  const rate = read({
    ...rates("x-rate-limit", "100", "99", reset(900)),
    ...rates("x-app-limit-24hour", "10000", "0", reset(3600)),
    ...rates("x-user-limit-24hour", "25", "7", reset(7200)),
  });
  expect(rate.window).toEqual({ limit: 100, remaining: 99, resets_at: NOW + 900_000 });
  expect(rate.app_day).toEqual({ limit: 10_000, remaining: 0, resets_at: NOW + 3_600_000 });
  expect(rate.user_day).toEqual({ limit: 25, remaining: 7, resets_at: NOW + 7_200_000 });
});

describe("the reset is moved to our clock, one second late", () => {
  test.each([
    ["X's clock is ours", 0],
    ["X's clock is ten minutes ahead", 600_000],
    ["X's clock is ten minutes behind", -600_000],
  ])("%s", (_, skew_ms) => {
    const rate = read({
      ...xDate(skew_ms),
      ...rates("x-rate-limit", "100", "0", reset(skew_ms / 1000 + 300)),
    });
    expect(rate.window?.resets_at).toBe(NOW + 301_000);
    expect(rate.skew_ms).toBe(skew_ms);
  });

  test("a reset that X's clock has passed stays in the past, by our clock", () => {
    const rate = read({ ...xDate(0), ...rates("x-rate-limit", "100", "0", reset(-30)) });
    expect(rate.window?.resets_at).toBe(NOW - 30_000);
  });

  test("without a readable Date the reset stands as it is", () => {
    const rate = read({ date: "12", ...rates("x-rate-limit", "100", "0", reset(-30)) });
    expect(rate.window?.resets_at).toBe(NOW - 30_000);
    expect(rate.skew_ms).toBe(0);
  });
});

test.each([["40000"], ["1080000"]])("an odd huge limit of %s is obeyed", (limit) => {
  expect(read(rates("x-rate-limit", limit, limit, reset(900))).window?.limit).toBe(Number(limit));
});

test.each([
  ["no limit", "", "1", reset(1)],
  ["a negative remaining", "100", "-1", reset(1)],
  ["a reset that is a word", "100", "1", "soon"],
  ["a limit sent twice", "100, 100", "1", reset(1)],
  ["a fraction", "100", "0.5", reset(1)],
  ["a reset beyond all dates", "100", "1", "9".repeat(12)],
])("a family with %s is not believed", (_, limit, remaining, at) => {
  expect(read(rates("x-rate-limit", limit, remaining, at)).window).toBeNull();
});

test.each([
  ["seconds", { "retry-after": "120" }, 120],
  ["an HTTP date, on our clock", { "retry-after": new Date(NOW + 90_000).toUTCString() }, 90],
  [
    "an HTTP date, on X's clock when it is known",
    { ...xDate(60_000), "retry-after": new Date(NOW + 90_000).toUTCString() },
    30,
  ],
  ["a date that has passed", { "retry-after": new Date(NOW - 5000).toUTCString() }, 0],
  ["nonsense", { "retry-after": "a while" }, null],
])("Retry-After may be %s", (_, headers, expected) => {
  expect(read(headers).retry_after_s).toBe(expected);
});
