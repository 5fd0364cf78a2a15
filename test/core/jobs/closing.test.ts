import { describe, expect, test } from "vitest";
import { appReadings, closing, exhaustedWindows, usedUntil, whole } from "#core/jobs/closing";
import type { Settling } from "#core/jobs/settle";
import type { Rate } from "#core/x/headers";

const NOW = 1_800_000_000_000;
const job = { client_id: "cli_1", id: "job_1", account_id: "acc_1", lease: "lse_1" } as Settling;
const none: Rate = { window: null, app_day: null, user_day: null, skew_ms: 0, retry_after_s: null };
const used = (resets_at: number, remaining = 0) => ({ limit: 100, remaining, resets_at });

test("a closing names the account's gate, and rounds its time up", () => {
  const made = closing(job, { scope: "account" }, "locked", 0.5, null);
  expect(made).toMatchObject({ name: "account:acc_1", opens_in_ms: 1, job_id: "job_1", lease: "lse_1" });
});

test.each([
  [null, null],
  [1, 1],
  [1.2, 2],
])("%s ms are %s whole ones", (ms, rounded) => {
  expect(whole(ms)).toBe(rounded);
});

test.each([
  [{ scope: "app" }, "credits_depleted", 1],
  [{ scope: "app" }, "rate_limited", 0],
  [{ scope: "account" }, "locked", 0],
] as const)("of the gate %j, closed for %s, %i lane is to try it before all go on", (gate, reason, tried) => {
  expect(closing(job, gate, reason, 1, null)).toMatchObject({ tried });
});

test("what X says of its app's day is kept, unless the day is over", () => {
  const heard = (resets_at: number) =>
    appReadings(job, new Map([["E", { ...none, app_day: used(resets_at, 40) }]]), NOW);
  expect(heard(NOW + 5.5)).toMatchObject([{ endpoint: "E", allowed: 100, used: 60, resets_in_ms: 6 }]);
  expect(heard(NOW)).toEqual([]);
  expect(appReadings(job, new Map([["E", none]]), NOW)).toEqual([]);
});

describe("windows that have nothing left", () => {
  const closed = (rate: Partial<Rate>) =>
    exhaustedWindows(job, new Map([["E", { ...none, ...rate }]]), NOW).map(({ name }) => name);

  test.each([
    ["the account's window", { window: used(NOW + 1) }, ["window:acc_1:E"]],
    ["the account's day", { user_day: used(NOW + 1) }, ["window:acc_1:E"]],
    ["the app's day", { app_day: used(NOW + 1) }, ["app:{app}"]],
    ["one with something left", { window: used(NOW + 1, 1) }, []],
    ["one that has reset", { window: used(NOW) }, []],
  ])("%s", (_, rate, names) => {
    expect(closed(rate)).toEqual(names);
  });

  test("are used until the last of them resets", () => {
    expect(usedUntil(undefined)).toBeNull();
    expect(usedUntil({ ...none, window: used(NOW, 3) })).toBeNull();
    expect(usedUntil({ ...none, window: used(NOW), user_day: used(NOW + 5) })).toBe(NOW + 5);
  });
});
