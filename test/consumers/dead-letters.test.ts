import { env } from "cloudflare:workers";
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import consumer from "../../consumers/dead-letters/index.ts";
import type { EngineEnv } from "#core/jobs/worker";
import { createHarness } from "../support/harness.ts";

const sent: MessageSendRequest[] = [];
const settings = {
  ...env,
  TWEETS: {
    sendBatch: async (batch: MessageSendRequest[]) => {
      sent.push(...batch);
    },
  },
} as unknown as EngineEnv;

afterEach(() => {
  vi.restoreAllMocks();
  sent.length = 0;
});

async function deliver(bodies: unknown[], by = settings) {
  vi.spyOn(console, "log").mockImplementation(() => undefined);
  const messages = bodies.map((body, i) => ({ id: String(i), timestamp: new Date(), attempts: 1, body }));
  const batch = createMessageBatch("tap-tweets-dead", messages);
  await consumer.queue(batch, by);
  return getQueueResult(batch, createExecutionContext());
}

test("what an expired lease left in the lane is moved on, and the lane is woken a little later", async () => {
  const h = await createHarness();
  const account = await h.account();
  const id = await h.remove(account, "1");
  await h.crash(`deletes:${account}`);
  await env.DB.prepare("UPDATE lanes SET leased_until = 1").run();
  await env.DB.prepare("UPDATE jobs SET expires_at = 9e15").run();
  const result = await deliver([{ lane: `deletes:${account}` }]);
  expect(result.explicitAcks).toEqual(["0"]);
  expect(await h.job(id)).toMatchObject({ state: "waiting", crashes: 1, lease: null });
  expect(await h.lane(`deletes:${account}`)).toMatchObject({ lease: null });
  for (const { body, delaySeconds } of sent) {
    expect(body).toEqual({ lane: `deletes:${account}` });
    expect(delaySeconds).toBeGreaterThanOrEqual(30);
  }
});

test("a message that is no wake-up, or names a lane that is nowhere, is taken off the queue", async () => {
  const bodies = [null, 7, {}, { lane: "tweets:acc_nobody0" }, { lane: "tweets:acc_nobodyz" }];
  expect((await deliver(bodies)).explicitAcks).toEqual(["0", "1", "2", "3", "4"]);
  expect(sent).toEqual([]);
});

test("a database that is not there has the message come again, and nothing is thrown", async () => {
  const lost = () => Promise.reject(new Error("D1_ERROR: no"));
  const broken = { prepare: (sql: string) => env.DB.prepare(sql), batch: lost } as unknown as D1Database;
  const result = await deliver([{ lane: "tweets:acc_x0" }], { ...settings, DB: broken });
  expect(result.retryMessages).toMatchObject([{ msgId: "0" }]);
});
