import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import type { Env } from "../../src/env.ts";
import { silentLog } from "#core/lib/log";
import { TEST_RING } from "../support/harness.ts";

const settings = { ...env, TWEETS: {}, KEY_LIMIT: "off", TOKEN_KEYS: TEST_RING } as unknown as Env;

test("an app has all that the engine needs, from its bindings", async () => {
  const app = createApp(settings, { waitUntil: () => undefined });
  expect(app.databases).toBe(settings);
  expect(app.queues.tweets).toBe(settings.TWEETS);
  expect(app.kinds.names).toContain("tweet.create");
  expect(app.clock.stored()).toBeNull();
  const ring = await app.ring();
  expect(await ring.open(await ring.seal("plain", "here"), "here")).toBe("plain");
});

test("an app without its key ring says which secret is missing", async () => {
  const app = createApp({ ...settings, TOKEN_KEYS: "" }, { waitUntil: () => undefined });
  await expect(app.ring()).rejects.toThrow("TOKEN_KEYS is missing");
});

test("time goes faster where TIME_SCALE says so, and the database follows", () => {
  const app = createApp({ ...settings, TIME_SCALE: "100" }, { waitUntil: () => undefined });
  expect(app.clock.stored()).not.toBeNull();
});

test("parts that are passed in take the place of the real ones", () => {
  const app = createApp(settings, { waitUntil: () => undefined }, { log: silentLog, random: () => 0.5 });
  expect(app.log).toBe(silentLog);
  expect(app.random()).toBe(0.5);
});

test("what goes on after the answer is waited for, and said in the log when it fails", async () => {
  const works: Promise<unknown>[] = [];
  const log: unknown[] = [];
  const app = createApp(
    settings,
    { waitUntil: (work) => works.push(work) },
    { log: (event, fields) => log.push({ event, ...fields }) },
  );
  app.later(Promise.resolve(1));
  app.later(Promise.reject(new Error("too late")));
  await Promise.all(works);
  expect(log).toEqual([{ event: "later.failed", reason: "Error: too late" }]);
});
