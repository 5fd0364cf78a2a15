import { expect, test } from "vitest";
import { EXPIRES_AFTER_MS, KEPT_FOR_MS, TWEETS_TURN, WAKE_HORIZON_MS } from "#core/jobs/limits";

const { lease_ms, claims_for_ms, call_ms, send_margin_ms } = TWEETS_TURN;

test("the last call of a turn ends while its lease lives, with time to write down what came of it", () => {
  expect(lease_ms - send_margin_ms + call_ms).toBeLessThanOrEqual(lease_ms - 30_000);
});

test("what is claimed may still be sent: the last claim comes before the last send", () => {
  expect(claims_for_ms).toBeLessThan(lease_ms - send_margin_ms);
});

test("the clock, which ticks every minute, looks farther ahead than its next tick", () => {
  expect(WAKE_HORIZON_MS).toBeGreaterThan(60_000);
});

test("a job is kept longer than it may wait", () => {
  expect(KEPT_FOR_MS).toBeGreaterThan(EXPIRES_AFTER_MS);
});
