import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { serveWebhooks, type WebhooksEnv } from "#core/jobs/webhooks-worker";
import type { WakeUp } from "#core/jobs/wake";

afterEach(() => {
  vi.restoreAllMocks();
});

const bound = {
  DB: env.DB,
  TWEETS: {} as Queue<WakeUp>,
  REFRESH: {} as Queue<WakeUp>,
  UPLOADS: {} as Queue<WakeUp>,
  WEBHOOKS: {} as Queue<WakeUp>,
};

test("without its ring the Worker asks for the batch again, says why, and needs no token key", async () => {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => lines.push(line));
  const again: unknown[] = [];
  const batch = {
    messages: [],
    retryAll: (options: unknown) => again.push(options),
  } as unknown as MessageBatch;
  const serve = (settings: WebhooksEnv) => serveWebhooks(batch, settings, { waitUntil: () => undefined });
  await serve(bound);
  expect(again).toEqual([{ delaySeconds: 60 }]);
  expect(lines.join()).toContain("WEBHOOK_KEYS is missing");
  await serve({ ...bound, WEBHOOK_KEYS: `w1:${"A".repeat(43)}` });
  expect(again).toHaveLength(1);
});
