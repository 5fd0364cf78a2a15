import { describe, expect, test } from "vitest";
import { TEST_RING } from "../support/harness.ts";
import { CONNECTION_LOST, openDoor } from "../support/door.ts";

describe("GET /healthz", () => {
  test("says that the Worker runs, whatever else does not", async () => {
    const door = await openDoor({ TOKEN_KEYS: "" });
    door.breakDatabases(() => CONNECTION_LOST);
    expect(await door.call("GET", "/healthz")).toMatchObject({ status: 200, body: { status: "ok" } });
  });
});

describe("GET /readyz", () => {
  test("says that jobs can be taken", async () => {
    const door = await openDoor();
    expect(await door.call("GET", "/readyz")).toMatchObject({ status: 200, body: { status: "ok" } });
  });

  test.each([
    ["missing", undefined],
    ["empty", ""],
    ["garbage", "hunter2"],
    ["a key that is too short", "a:hunter2"],
    ["a key that is no base64", `a:${"!hunter2".repeat(5)}`],
    ["a key without its id", `:${"A".repeat(43)}`],
    ["one good key and one bad", `${TEST_RING},b:hunter2`],
  ])("names TOKEN_KEYS when it is %s, and never the key", async (_, keys) => {
    const door = await openDoor({ TOKEN_KEYS: keys ?? "" });
    if (keys === undefined) delete door.env.TOKEN_KEYS;
    const { status, body } = await door.call("GET", "/readyz");
    expect([status, body.code]).toEqual([503, "misconfigured"]);
    expect(body.detail).toMatch(/TOKEN_KEYS (is missing|must be)/);
    expect(JSON.stringify([body, door.log])).not.toMatch(/hunter2|A{43}/);
  });

  test.each([
    ["missing", ""],
    ["garbage", "hunter2"],
  ])("names SESSION_KEYS when it is %s, and never the key", async (_, SESSION_KEYS) => {
    const door = await openDoor({ SESSION_KEYS });
    const { status, body } = await door.call("GET", "/readyz");
    expect([status, body.code]).toEqual([503, "misconfigured"]);
    expect(body.detail).toContain("SESSION_KEYS");
    expect(JSON.stringify([body, door.log])).not.toContain("hunter2");
  });

  const NEW = `new:${"C".repeat(43)}`;

  test.each([
    ["lacks the key", NEW, 'TOKEN_KEYS lacks the key "test" that sealed this'],
    ["has another key under its id", `test:${"C".repeat(43)}`, 'TOKEN_KEYS has a key "test" that is not'],
  ])("names the key when the ring %s that sealed what stands there", async (_, keys, sentence) => {
    const door = await openDoor({ TOKEN_KEYS: keys });
    await door.account("cli_1", { shard: "1" });
    const { status, body } = await door.call("GET", "/readyz");
    expect([status, body.code]).toEqual([503, "misconfigured"]);
    expect(body.detail).toMatch(/^database 1: /);
    expect(body.detail).toContain(sentence);
    expect(body.detail).not.toContain("C".repeat(43));
  });

  test.each([
    ["the key among others", `${NEW},${TEST_RING}`],
    ["the key as one that is lost", `${NEW},test:lost`],
  ])("says that jobs can be taken when the ring has %s", async (_, keys) => {
    const door = await openDoor({ TOKEN_KEYS: keys });
    await door.account("cli_1");
    expect((await door.call("GET", "/readyz")).status).toBe(200);
  });

  test("waits for a database that does not answer: nothing needs to be set up differently", async () => {
    const door = await openDoor();
    door.breakDatabases(() => CONNECTION_LOST);
    expect((await door.call("GET", "/readyz")).body.code).toBe("unavailable");
  });

  test("names every database that does not answer, and the key ring beside them", async () => {
    const door = await openDoor({ TOKEN_KEYS: "" });
    door.breakDatabases(() => CONNECTION_LOST);
    const { status, body } = await door.call("GET", "/readyz");
    expect(status).toBe(503);
    for (const word of ["TOKEN_KEYS", "database 0", "database 1"]) expect(body.detail).toContain(word);
  });
});
