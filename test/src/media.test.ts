import { describe, expect, test } from "vitest";
import { removeMedium } from "../../src/media.ts";
import { findUpload } from "../../src/take-upload.ts";
import { openDoor } from "../support/door.ts";
import { file } from "../support/files.ts";

async function opened() {
  const door = await openDoor();
  const { key, account_id, id } = await door.tenant();
  const post = async (account = account_id) => {
    door.advance(5);
    const path = `/v1/media?account_id=${account}`;
    return (await door.call("POST", path, { key, text: file("image/png") })).body.id;
  };
  return { door, key, account_id, id, post };
}

test("a medium shows how far both halves have come", async () => {
  const { door, key, account_id, post } = await opened();
  const id = await post();
  const { body } = await door.call("GET", `/v1/media/${id}`, { key });
  expect(body).toMatchObject({
    id,
    account_id,
    state: "received",
    size_bytes: 1_000,
    bytes_received: 1_000,
    bytes_sent: 0,
  });
});

describe("a list", () => {
  test("has the client's media over all databases, the newest first, in pages", async () => {
    const { door, key, id, post } = await opened();
    const made = [await post(), await post(await door.account(id, { shard: "1" })), await post()].reverse();
    const first = await door.call("GET", "/v1/media?limit=2", { key });
    expect(first.body.data.map((one) => one.id)).toEqual(made.slice(0, 2));
    const rest = await door.call("GET", `/v1/media?limit=2&cursor=${String(first.body.next_cursor)}`, {
      key,
    });
    expect(rest.body.data.map((one) => one.id)).toEqual(made.slice(2));
    expect(rest.body.has_more).toBe(false);
  });

  test("has nothing of others, nor of accounts that a key does not reach", async () => {
    const { door, id, post } = await opened();
    await post();
    const other = await door.tenant();
    expect((await door.call("GET", "/v1/media", { key: other.key })).body.data).toEqual([]);
    const key = await door.key(id, { scopes: ["media:write"], account_ids: [await door.account(id)] });
    expect((await door.call("GET", "/v1/media", { key })).body.data).toEqual([]);
  });
});

test("a medium that is deleted is gone, with its bytes; deleting it once more finds nothing", async () => {
  const { door, key, post } = await opened();
  const id = await post();
  expect((await door.call("DELETE", `/v1/media/${id}`, { key })).status).toBe(204);
  expect((await door.call("GET", `/v1/media/${id}`, { key })).status).toBe(404);
  expect((await door.call("DELETE", `/v1/media/${id}`, { key })).status).toBe(404);
  expect((await door.env.MEDIA.list({ prefix: `uploads/${id}/` })).objects).toEqual([]);
});

test("one whose deletion broke off is deleted when it is asked for again", async () => {
  const { door, key, id: client_id, post } = await opened();
  const id = await post();
  const caller = { key_id: "", session_id: null, client_id, scopes: [], account_ids: null };
  const upload = await findUpload(door.app, caller, id);
  door.breakDatabases((sql) => (sql.startsWith("DELETE FROM uploads") ? new Error("away") : null));
  await expect(removeMedium(door.app, upload)).rejects.toThrow("away");
  door.breakDatabases(() => null);
  expect((await door.call("DELETE", `/v1/media/${id}`, { key })).status).toBe(204);
});
