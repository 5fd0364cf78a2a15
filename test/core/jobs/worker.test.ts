import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createEngine, serve, type ConsumerEnv } from "#core/jobs/worker";
import type { WakeUp } from "#core/jobs/wake";
import { TEST_RING } from "../../support/harness.ts";
import { empty } from "../../support/rows.ts";

const bound: ConsumerEnv = {
  DB: env.DB,
  TOKENS: env.TOKENS,
  TWEETS: {} as Queue<WakeUp>,
  REFRESH: {} as Queue<WakeUp>,
  WEBHOOKS: {} as Queue<WakeUp>,
  UPLOADS: {} as Queue<WakeUp>,
  TOKEN_KEYS: TEST_RING,
  X_API_URL: "https://x.test",
};

async function served(of: Partial<ConsumerEnv>) {
  const seen = { acked: 0, retriedAll: 0 };
  const message = {
    id: "1",
    timestamp: new Date(),
    attempts: 1,
    body: { lane: "tweets:acc_nobody0" },
    ack: () => seen.acked++,
    retry: () => undefined,
  };
  const batch = { queue: "tap-tweets", messages: [message], retryAll: () => seen.retriedAll++ };
  await serve(batch as unknown as MessageBatch, { ...bound, ...of }, { waitUntil: () => undefined });
  return seen;
}

const lines: string[] = [];
beforeEach(async () => {
  await empty(env.DB);
  lines.length = 0;
  vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
});

test("a Worker with its bindings takes its batches", async () => {
  expect(await served({})).toEqual({ acked: 1, retriedAll: 0 });
});

describe("without its secrets a Worker asks for the batch again, and says what is missing but no key", () => {
  test.each([
    ["no keys", undefined, "TOKEN_KEYS is missing"],
    ["keys it cannot read", "id:c2hvcnQ", "TOKEN_KEYS must be"],
  ])("%s", async (_, TOKEN_KEYS, reason) => {
    const { TOKEN_KEYS: _keys, ...rest } = bound;
    const of = { ...rest, ...(TOKEN_KEYS !== undefined && { TOKEN_KEYS }) };
    const seen = { retriedAll: 0 };
    const batch = { queue: "q", messages: [], retryAll: () => seen.retriedAll++ } as unknown as MessageBatch;
    await serve(batch, of, { waitUntil: () => undefined });
    expect(seen.retriedAll).toBe(1);
    expect(lines.join()).toContain(reason);
    expect(lines.join()).not.toContain("c2hvcnQ");
  });
});

test.each(["0", "four", ""])("a concurrency of %j is one call at a time, not none", async (X_CONCURRENCY) => {
  expect(await served({ X_CONCURRENCY })).toMatchObject({ acked: 1 });
});

test("time runs as TIME_SCALE says, and by D1's clock when it does not", () => {
  expect(createEngine(bound).clock.stored()).toBeNull();
  expect(createEngine({ ...bound, TIME_SCALE: "60" }).clock.stored()).toBeGreaterThan(Date.now());
});
