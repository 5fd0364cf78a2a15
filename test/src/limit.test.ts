import { describe, expect, test } from "vitest";
import { ADMIN_KEY, openDoor, type Asked, type Door } from "../support/door.ts";

// The tests' own binding takes 5 requests in each 10 seconds of real time, of which a test may see two.
const TAKEN = 5;

/** Ask until it is refused; returns how often it was not, and the refusal. */
async function exhaust(door: Door, method: string, path: string, asked: Asked) {
  for (let taken = 0; taken <= 2 * TAKEN; taken++) {
    const refusal = await door.call(method, path, asked);
    if (refusal.status === 429) return { taken, refusal };
  }
  throw new Error("never refused");
}

describe("the limit of a key", () => {
  test("refuses what is too much and says when to come again", async () => {
    const door = await openDoor({ KEY_LIMIT: "on" });
    const { key } = await door.client();
    const { taken, refusal } = await exhaust(door, "GET", "/v1/jobs", { key });
    expect(taken).toBeGreaterThanOrEqual(TAKEN);
    expect(refusal.body.code).toBe("too_many_requests");
    expect(refusal.headers.get("retry-after")).toBe("10");
    expect(refusal.headers.get("ratelimit-policy")).toMatch(/^"key";q=\d+;w=10$/);
  });

  test("is each key's own, also of one client's keys", async () => {
    const door = await openDoor({ KEY_LIMIT: "on" });
    const { id, key } = await door.client();
    const other = await door.key(id);
    await exhaust(door, "GET", "/v1/jobs", { key });
    expect((await door.call("GET", "/v1/jobs", { key: other })).status).toBe(200);
  });

  test("counts a session by itself: it spends neither its key's nor another session's", async () => {
    const door = await openDoor();
    const { key } = await door.client();
    const session = async () =>
      (await door.call("POST", "/v1/sessions", { key, body: { scopes: ["jobs:read"] } })).body
        .token as string;
    const [one, other] = [await session(), await session()];
    door.env.KEY_LIMIT = "on";
    const { refusal } = await exhaust(door, "GET", "/v1/jobs", { key: one });
    expect(refusal.headers.get("retry-after")).toBe("10");
    expect(refusal.headers.get("ratelimit-policy")).toMatch(/^"key";q=\d+;w=10$/);
    for (const caller of [key, other])
      expect((await door.call("GET", "/v1/jobs", { key: caller })).status).toBe(200);
  });

  test("is not spent by others who guess at it", async () => {
    const door = await openDoor({ KEY_LIMIT: "on" });
    const { key } = await door.client();
    const guess = key.slice(0, -1) + (key.endsWith("a") ? "b" : "a");
    for (let i = 0; i <= 2 * TAKEN; i++)
      expect((await door.call("GET", "/v1/jobs", { key: guess })).status).toBe(401);
    expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(200);
  });

  test("takes nothing on: a refused tweet is no job", async () => {
    const door = await openDoor({ KEY_LIMIT: "on" });
    const { key, account_id } = await door.tenant();
    const { taken } = await exhaust(door, "POST", "/v1/tweets", { key, body: { account_id, text: "hello" } });
    expect(door.logged("job.accepted")).toHaveLength(taken);
  });

  test("holds for the admin key too", async () => {
    const door = await openDoor({ KEY_LIMIT: "on" });
    const { refusal } = await exhaust(door, "POST", "/v1/clients", { key: ADMIN_KEY, body: {} });
    expect(refusal.status).toBe(429);
  });

  test("does not touch what needs no key", async () => {
    const door = await openDoor({ KEY_LIMIT: "on" });
    for (let i = 0; i <= 2 * TAKEN; i++) expect((await door.call("GET", "/healthz")).status).toBe(200);
  });

  test("is off where KEY_LIMIT says so", async () => {
    const door = await openDoor({ KEY_LIMIT: "off" });
    const { key } = await door.client();
    for (let i = 0; i <= 2 * TAKEN; i++)
      expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(200);
  });
});

test("a limiter that does not answer lets callers pass, and is logged", async () => {
  const broken = { limit: () => Promise.reject(new Error("no limiter")) } as unknown as RateLimit;
  const door = await openDoor({ KEY_LIMIT: "on", KEY_LIMITER: broken });
  const { key } = await door.client();
  expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(200);
  expect(door.logged("limit.failed")).toHaveLength(1);
});
