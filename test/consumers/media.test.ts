import { env } from "cloudflare:workers";
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import consumer from "../../consumers/media/index.ts";
import type { ConsumerEnv } from "#core/jobs/worker";
import { file } from "../support/files.ts";
import { TEST_RING } from "../support/harness.ts";
import { meetMedia } from "../support/sending.ts";

const settings = {
  ...env,
  TWEETS: { sendBatch: async () => undefined },
  REFRESH: { sendBatch: async () => undefined },
  UPLOADS: { sendBatch: async () => undefined },
  WEBHOOKS: { sendBatch: async () => undefined },
  TOKEN_KEYS: TEST_RING,
  X_API_URL: "https://x.test",
} as unknown as ConsumerEnv;

afterEach(() => {
  vi.restoreAllMocks();
});

test("a medium is sent to X", async () => {
  vi.spyOn(console, "log").mockImplementation(() => undefined);
  const { x, medium, upload, account_id, h } = await meetMedia();
  const media_id = await medium(file("image/png"));
  const id = await upload(media_id);
  await env.DB.prepare("UPDATE lanes SET next_at = 1").run();
  await env.DB.prepare("UPDATE jobs SET due_at = 1, expires_at = 9e15").run();
  await env.DB.prepare("UPDATE accounts SET token_expires_at = 9e15").run();
  vi.spyOn(globalThis, "fetch").mockImplementation((request, init) => x.fetch(new Request(request, init)));
  const lane = `media:${media_id}:${account_id}`;
  const batch = createMessageBatch("tap-media", [
    { id: "0", timestamp: new Date(), attempts: 1, body: { lane } },
  ]);
  const context = createExecutionContext();
  await consumer.queue(batch, settings, context);
  expect((await getQueueResult(batch, context)).explicitAcks).toEqual(["0"]);
  expect((await h.job(id)).state).toBe("succeeded");
  expect(x.media()).toHaveLength(1);
});
