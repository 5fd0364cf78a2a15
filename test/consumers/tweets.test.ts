import { env } from "cloudflare:workers";
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { afterEach, describe, expect, test, vi } from "vitest";
import consumer from "../../consumers/tweets/index.ts";
import type { ConsumerEnv } from "#core/jobs/worker";
import { createHarness, TEST_RING } from "../support/harness.ts";

const settings = {
  ...env,
  TWEETS: { sendBatch: async () => undefined },
  TOKEN_KEYS: TEST_RING,
  X_API_URL: "https://x.test",
  X_CONCURRENCY: "4",
} as unknown as ConsumerEnv;

/** The lines of the log, which the Worker writes to the console. */
function listen(): string[] {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => lines.push(line));
  return lines;
}

afterEach(() => {
  vi.restoreAllMocks();
});

async function deliver(bodies: unknown[], by: ConsumerEnv) {
  const messages = bodies.map((body, i) => ({ id: String(i), timestamp: new Date(), attempts: 1, body }));
  const batch = createMessageBatch("tap-tweets", messages);
  const context = createExecutionContext();
  await consumer.queue(batch, by, context);
  return getQueueResult(batch, context);
}

describe("without its key ring", () => {
  test.each([undefined, "", "hunter2", "a:hunter2"])(
    "(%s) it asks for the batch again and throws nothing",
    async (keys) => {
      const lines = listen();
      const broken = { ...settings, TOKEN_KEYS: keys } as ConsumerEnv;
      const result = await deliver([{ lane: "tweets:acc_x0" }, { lane: "tweets:acc_y0" }], broken);
      expect(result).toMatchObject({ retryBatch: { retry: true }, explicitAcks: [] });
      expect(lines.join()).toContain("TOKEN_KEYS");
      expect(lines.join()).not.toContain("hunter2");
    },
  );
});

test("a tweet is posted with the account's token, and its job says so", async () => {
  listen();
  const h = await createHarness();
  const account = await h.account();
  const id = await h.post(account, "hello");
  await env.DB.prepare("UPDATE lanes SET next_at = 1").run();
  await env.DB.prepare("UPDATE jobs SET due_at = 1, expires_at = 9e15").run();
  await env.DB.prepare("UPDATE accounts SET token_expires_at = 9e15").run();
  const asked: Request[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (request, init) => {
    asked.push(new Request(request, init));
    return Response.json({ data: { id: "1", text: "hello" } }, { status: 201 });
  });
  const result = await deliver([{ lane: `tweets:${account}` }], settings);
  expect(result.explicitAcks).toEqual(["0"]);
  expect(asked.map((one) => `${one.method} ${one.url}`)).toEqual(["POST https://x.test/2/tweets"]);
  expect(asked[0]?.headers.get("authorization")).toBe(`Bearer access-${account}`);
  expect(await h.job(id)).toMatchObject({ state: "succeeded" });
});

test("a message that names no lane is taken off the queue", async () => {
  const lines = listen();
  expect((await deliver([7], settings)).explicitAcks).toEqual(["0"]);
  expect(lines.join()).toContain("message.unreadable");
});

test("a database that is not there has the messages come again, and nothing is thrown", async () => {
  listen();
  const lost = () => Promise.reject(new Error("D1_ERROR: no"));
  const broken = { prepare: (sql: string) => env.DB.prepare(sql), batch: lost } as unknown as D1Database;
  const result = await deliver([{ lane: "tweets:acc_x0" }], { ...settings, DB: broken });
  expect(result.retryMessages).toMatchObject([{ msgId: "0" }]);
});
