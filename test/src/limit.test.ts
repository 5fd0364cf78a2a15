import { describe, expect, test } from "vitest";
import { ADMIN_KEY, openDoor } from "../support/door.ts";

// The tests' own binding takes 5 requests in 10 seconds.
const TAKEN = 5;

describe("the limit of a key", () => {
  test("refuses what is too much and says when to come again", async () => {
    const door = await openDoor({ KEY_LIMIT: "on" });
    const { key } = await door.client();
    for (let i = 0; i < TAKEN; i++) expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(200);
    const { status, headers, body } = await door.call("GET", "/v1/jobs", { key });
    expect(status).toBe(429);
    expect(body.code).toBe("too_many_requests");
    expect(headers.get("retry-after")).toBe("10");
    expect(headers.get("ratelimit-policy")).toMatch(/^"key";q=\d+;w=10$/);
  });

  test("is each key's own, also of one client's keys", async () => {
    const door = await openDoor({ KEY_LIMIT: "on" });
    const { id, key } = await door.client();
    const other = await door.key(id);
    for (let i = 0; i <= TAKEN; i++) await door.call("GET", "/v1/jobs", { key });
    expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(429);
    expect((await door.call("GET", "/v1/jobs", { key: other })).status).toBe(200);
  });

  test("is not spent by others who guess at it", async () => {
    const door = await openDoor({ KEY_LIMIT: "on" });
    const { key } = await door.client();
    const guess = key.slice(0, -1) + (key.endsWith("a") ? "b" : "a");
    for (let i = 0; i <= TAKEN; i++)
      expect((await door.call("GET", "/v1/jobs", { key: guess })).status).toBe(401);
    expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(200);
  });

  test("takes nothing on: a refused tweet is no job", async () => {
    const door = await openDoor({ KEY_LIMIT: "on" });
    const { post, key } = await door.tenant();
    for (let i = 0; i < TAKEN; i++) await door.call("GET", "/v1/jobs", { key });
    expect((await post()).status).toBe(429);
    expect(door.logged("job.accepted")).toEqual([]);
  });

  test("holds for the admin key too", async () => {
    const door = await openDoor({ KEY_LIMIT: "on" });
    const statuses = [];
    for (let i = 0; i <= TAKEN; i++)
      statuses.push((await door.call("POST", "/v1/clients", { key: ADMIN_KEY, body: {} })).status);
    expect(statuses).toEqual([422, 422, 422, 422, 422, 429]);
  });

  test("does not touch what needs no key", async () => {
    const door = await openDoor({ KEY_LIMIT: "on" });
    for (let i = 0; i <= TAKEN + 1; i++) expect((await door.call("GET", "/healthz")).status).toBe(200);
  });

  test("is off where KEY_LIMIT says so", async () => {
    const door = await openDoor({ KEY_LIMIT: "off" });
    const { key } = await door.client();
    for (let i = 0; i <= TAKEN + 1; i++)
      expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(200);
  });
});
