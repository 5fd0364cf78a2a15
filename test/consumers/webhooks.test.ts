import { env } from "cloudflare:workers";
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import consumer from "../../consumers/webhooks/index.ts";
import type { WebhooksEnv } from "#core/jobs/webhooks-worker";
import { createHarness, TEST_RING } from "../support/harness.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const settings = {
  ...env,
  TWEETS: { sendBatch: async () => undefined },
  REFRESH: { sendBatch: async () => undefined },
  UPLOADS: { sendBatch: async () => undefined },
  WEBHOOKS: { sendBatch: async () => undefined },
  WEBHOOK_KEYS: TEST_RING,
  DELIVERIES_AT_ONCE: "6",
} as unknown as WebhooksEnv;

test("an event is sent to its endpoint, and nothing secret is logged", async () => {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => lines.push(line));
  const h = await createHarness();
  await h.endpoint(["job.*"]);
  await h.post(await h.account(), "x");
  await h.turn();
  const lane = h.messages[0]?.lane ?? "";
  await env.DB.prepare("UPDATE lanes SET next_at = 1").run();
  await env.DB.prepare("UPDATE jobs SET due_at = 1, expires_at = 9e15").run();
  const asked: Request[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (request, init) => {
    asked.push(new Request(request, init));
    return new Response(null, { status: 204 });
  });
  const batch = createMessageBatch("tap-webhooks", [
    { id: "0", timestamp: new Date(), attempts: 1, body: { lane } },
  ]);
  const context = createExecutionContext();
  await consumer.queue(batch, settings, context);
  expect((await getQueueResult(batch, context)).explicitAcks).toEqual(["0"]);
  expect(asked.map((one) => `${one.method} ${one.url}`)).toEqual(["POST https://hooks.shop.com/x"]);
  expect(await asked[0]?.json()).toMatchObject({ type: "job.succeeded" });
  expect(lines.join()).not.toContain("whsec_");
});
