import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createExecutionContext, createScheduledController, waitOnExecutionContext } from "cloudflare:test";
import producer from "../../src/index.ts";
import type { Env } from "../../src/env.ts";
import { createHarness, TEST_RING } from "../support/harness.ts";

const sent: { body: { lane: string } }[] = [];
const settings = {
  ...env,
  TWEETS: {
    sendBatch: async (batch: { body: { lane: string } }[]) => {
      sent.push(...batch);
    },
  },
  KEY_LIMIT: "off",
  TOKEN_KEYS: TEST_RING,
} as unknown as Env;

/** The lines of the log, which the Worker writes to the console. */
function listen(): string[] {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => {
    lines.push((JSON.parse(line) as { event: string }).event);
  });
  return lines;
}

afterEach(() => {
  vi.restoreAllMocks();
  sent.length = 0;
});

async function tick(settings: Env, at: number): Promise<void> {
  const context = createExecutionContext();
  const controller = createScheduledController({ scheduledTime: new Date(at), cron: "* * * * *" });
  await producer.scheduled(controller, settings, context);
  await waitOnExecutionContext(context);
}

test("a request is answered by the routes", async () => {
  const context = createExecutionContext();
  const answer = await producer.fetch(new Request("https://proxy.test/healthz"), settings, context);
  await waitOnExecutionContext(context);
  expect(await answer.json()).toEqual({ status: "ok" });
});

describe("every minute", () => {
  test("lanes that are due and that nobody holds are woken", async () => {
    const lines = listen();
    const h = await createHarness();
    const account = await h.account();
    await h.post(account, "due long ago", { run_at: 1 });
    await env.DB.prepare("UPDATE lanes SET next_at = 1").run();
    await tick(settings, Date.UTC(2026, 10, 23, 12, 0));
    expect(sent.map(({ body }) => body)).toEqual([{ lane: `tweets:${account}` }]);
    expect(lines).toContain("lanes.staged");
  });

  test("a database that is not there is said in the log and breaks nothing", async () => {
    const lines = listen();
    const broken = {
      prepare: () => {
        throw new Error("D1_ERROR: no");
      },
    } as unknown as D1Database;
    await tick({ ...settings, DB: broken }, Date.UTC(2026, 10, 23, 12, 17));
    expect(lines.filter((event) => event === "tick.failed")).toHaveLength(4);
  });
});

test("endpoints are brought to a database that was bound only now", async () => {
  listen();
  const h = await createHarness();
  await h.endpoint(["job.*"]);
  await tick(settings, Date.UTC(2026, 10, 23, 12, 0));
  expect((await env.DB_1.prepare("SELECT id FROM endpoints").all()).results).toHaveLength(1);
});

describe("once an hour", () => {
  const old = () =>
    env.DB.prepare(
      "INSERT INTO oauth_states (state_hash, client_id, app_id, verifier, scopes, return_url, expires_at) VALUES ('old', 'cli_x0', 'a', 'v', '[]', 'r', 1)",
    ).run();
  const left = async () => (await env.DB.prepare("SELECT * FROM oauth_states").all()).results.length;

  test("and not every minute, old rows are deleted", async () => {
    listen();
    await old();
    await tick(settings, Date.UTC(2026, 10, 23, 12, 16));
    expect(await left()).toBe(1);
    await tick(settings, Date.UTC(2026, 10, 23, 12, 17));
    expect(await left()).toBe(0);
  });
});
