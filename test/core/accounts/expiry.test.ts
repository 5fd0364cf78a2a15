import { expect, test } from "vitest";
import { refreshAt } from "#core/accounts/expiry";
import { MINUTE_MS } from "#core/lib/clock";

const ISSUED = 1_800_000_000_000;

test.each([
  ["a token of two hours, at the least chance", 120, 0, 90],
  ["a token of two hours, in the middle", 120, 0.5, 95],
  ["a token of two hours, at most", 120, 1, 100],
  ["a token that lives shorter, in its last quarter", 40, 0.5, 30],
])("%s", (_, lives, random, after) => {
  expect(refreshAt(ISSUED, ISSUED + lives * MINUTE_MS, random)).toBe(ISSUED + after * MINUTE_MS);
});
