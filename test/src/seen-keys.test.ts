import { expect, test } from "vitest";
import * as apiKeys from "#core/store/api-keys";
import { findKey } from "../../src/seen-keys.ts";
import { openDoor } from "../support/door.ts";

const idOf = (key: string): string => `key_${key.slice(4, 27)}`;

test("that a key was used is noted at most once an hour", async () => {
  const door = await openDoor();
  const { key } = await door.client();
  const id = `key_${key.slice(4, 27)}`;
  const usedAt = async () => {
    await door.settled();
    return (await door.row<{ last_used_at: number }>(id, "api_keys"))?.last_used_at;
  };
  const at = door.now();
  await door.call("GET", "/v1/jobs", { key });
  expect(await usedAt()).toBe(at);
  door.advance(3_600_000);
  await door.call("GET", "/v1/jobs", { key });
  expect(await usedAt()).toBe(at);
  door.advance(5_000);
  await door.call("GET", "/v1/jobs", { key });
  expect(await usedAt()).toBe(at + 3_605_000);
});

test("a key that was just used costs no read of the database for five seconds", async () => {
  const door = await openDoor();
  const { key } = await door.client();
  let reads = 0;
  door.breakDatabases((sql) => {
    if (sql.includes("FROM api_keys")) reads++;
    return null;
  });
  for (let i = 0; i < 5; i++) {
    expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(200);
    door.advance(1_000);
  }
  expect(reads).toBe(1);
  await door.call("GET", "/v1/jobs", { key });
  expect(reads).toBe(2);
  const other = key.slice(0, -1) + (key.endsWith("a") ? "b" : "a");
  expect((await door.call("GET", "/v1/jobs", { key: other })).status).toBe(401);
});

test("a key that cannot be noted as used works all the same", async () => {
  const door = await openDoor();
  const { key } = await door.client();
  door.breakDatabases((sql) => (sql.includes("UPDATE api_keys") ? new Error("D1_ERROR: no") : null));
  expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(200);
  await door.settled();
  expect(door.logged("later.failed")).toMatchObject([{ reason: "Error: D1_ERROR: no" }]);
});

test("a revoked key is refused five seconds later at the latest", async () => {
  const door = await openDoor();
  const { key } = await door.client();
  const asked = async () => (await door.call("GET", "/v1/jobs", { key })).status;
  expect(await asked()).toBe(200);
  await apiKeys.revoke(door.env.DB, door.now(), idOf(key)).run();
  door.advance(5_000);
  expect(await asked()).toBe(401);
});

test("a key that nobody used lately is refused from the moment it is revoked", async () => {
  const door = await openDoor();
  const { key } = await door.client();
  await apiKeys.revoke(door.env.DB, door.now(), idOf(key)).run();
  expect((await door.call("GET", "/v1/jobs", { key })).status).toBe(401);
});

test("what is not a key, or on no database, is not found", async () => {
  const door = await openDoor();
  expect(await findKey(door.app, "")).toBeNull();
  expect(await findKey(door.app, `key_${"0".repeat(22)}z`)).toBeNull();
  expect(await findKey(door.app, `key_${"0".repeat(23)}`)).toBeNull();
});
