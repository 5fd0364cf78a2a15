import { env } from "cloudflare:workers";
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import consumer from "../../consumers/refresh/index.ts";
import { tokenRefresh } from "#core/jobs/kinds/token-refresh";
import type { ConsumerEnv } from "#core/jobs/worker";
import { createHarness, TEST_RING } from "../support/harness.ts";

const settings = {
  ...env,
  TWEETS: { sendBatch: async () => undefined },
  REFRESH: { sendBatch: async () => undefined },
  TOKEN_KEYS: TEST_RING,
  X_CLIENT_ID: "x-app",
  X_CLIENT_SECRET: "hush",
  X_API_URL: "https://x.test",
  X_CONCURRENCY: "4",
} as unknown as ConsumerEnv;

afterEach(() => {
  vi.restoreAllMocks();
});

async function deliver(lane: string, by: ConsumerEnv) {
  const batch = createMessageBatch("tap-refresh", [
    { id: "0", timestamp: new Date(), attempts: 1, body: { lane } },
  ]);
  const context = createExecutionContext();
  await consumer.queue(batch, by, context);
  return getQueueResult(batch, context);
}

test("a token pair is refreshed as the installation's X app, and nothing of it is logged", async () => {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => lines.push(line));
  const h = await createHarness();
  const account = await h.account({ refresh_token: "refresh-before" });
  await h.post(account, "", { kind: tokenRefresh, params: { account_id: account, version: 1 } });
  await env.DB.prepare("UPDATE lanes SET next_at = 1").run();
  await env.DB.prepare("UPDATE jobs SET due_at = 1, expires_at = 9e15").run();
  const asked: Request[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (request, init) => {
    asked.push(new Request(request, init));
    return Response.json({ access_token: "access-after", refresh_token: "refresh-after", expires_in: 7200 });
  });
  const result = await deliver(`refresh:${account}`, settings);
  expect(result.explicitAcks).toEqual(["0"]);
  expect(asked.map((one) => `${one.method} ${one.url}`)).toEqual(["POST https://x.test/2/oauth2/token"]);
  expect(asked[0]?.headers.get("authorization")).toBe(`Basic ${btoa("x-app:hush")}`);
  expect(await h.account_row(account)).toMatchObject({ token_version: 2 });
  expect(lines.join()).toContain("token.refreshed");
  expect(lines.join()).not.toMatch(/refresh-before|refresh-after|access-after|hush/);
});

test("without its key ring it asks for the batch again and throws nothing", async () => {
  vi.spyOn(console, "log").mockImplementation(() => undefined);
  const result = await deliver("refresh:acc_x0", { ...settings, TOKEN_KEYS: "" });
  expect(result).toMatchObject({ retryBatch: { retry: true }, explicitAcks: [] });
});
