import { expect, test } from "vitest";
import { callbacksOf, checkCallback } from "../../src/callback.ts";
import { openDoor, type Door } from "../support/door.ts";

async function withSecret(door: Door) {
  const tenant = await door.tenant();
  const key = await door.key(tenant.id, { scopes: ["admin"] });
  await door.call("POST", `/v1/clients/${tenant.id}/rotate-webhook-secret`, { key });
  return tenant;
}

test("a callback URL is read as it will be called, or it is said why it cannot be", async () => {
  const door = await openDoor();
  const read = await callbacksOf(door.app, (await withSecret(door)).id);
  expect(read("https://Me.Shop.com/done#x")).toEqual({ url: "https://me.shop.com/done" });
  expect(read("https://10.0.0.1/")).toMatchObject({ error: { code: "not_public" } });
  expect(read("http://127.0.0.1:9/")).toMatchObject({ error: { code: "not_public" } });
});

test("this machine is called where that is allowed", async () => {
  const door = await openDoor({ ALLOW_LOCAL_WEBHOOKS: "on" });
  const read = await callbacksOf(door.app, (await withSecret(door)).id);
  expect(read("http://127.0.0.1:9/")).toEqual({ url: "http://127.0.0.1:9/" });
});

test("a client without a secret has none, and an order without one asks for nothing", async () => {
  const door = await openDoor();
  const { id } = await door.tenant();
  expect((await callbacksOf(door.app, id))("https://me.shop.com/")).toMatchObject({
    error: { pointer: "/callback_url", code: "no_secret" },
  });
  await checkCallback(door.app, { client_id: id, callback_url: null });
  await expect(
    checkCallback(door.app, { client_id: id, callback_url: "https://me.shop.com/" }),
  ).rejects.toThrow();
});

test("jobs of a batch have one of their own, or that of the defaults, and each that cannot be called is named", async () => {
  const door = await openDoor();
  const { key, account_id } = await withSecret(door);
  const items = [
    { text: "a" },
    { text: "b", callback_url: "https://Other.Shop.com/b" },
    { text: "c", callback_url: "https://10.0.0.1/" },
    { kind: "tweet.delete", params: { tweet_id: "12" } },
  ];
  const defaults = { account_id, callback_url: "https://me.shop.com/done" };
  const { status, body } = await door.call("POST", "/v1/batches", { key, body: { defaults, items } });
  expect([status, body.accepted]).toEqual([202, 3]);
  expect(body.rejected).toMatchObject([
    { index: 2, errors: [{ pointer: "/callback_url", code: "not_public" }] },
  ]);
  const rows = await door.env.DB.prepare("SELECT callback_url FROM jobs ORDER BY id").all();
  expect(rows.results).toEqual(
    ["https://me.shop.com/done", "https://other.shop.com/b", "https://me.shop.com/done"].map(
      (callback_url) => ({ callback_url }),
    ),
  );
});

test("a canceled batch is told to the callback URLs of its jobs at once", async () => {
  const door = await openDoor();
  const { key, account_id } = await withSecret(door);
  const run_at = new Date(door.now() + 3_600_000).toISOString();
  const defaults = { account_id, run_at, callback_url: "https://me.shop.com/done" };
  const asked = { key, body: { defaults, items: [{ text: "a" }, { text: "b" }] } };
  const { body } = await door.call("POST", "/v1/batches", asked);
  await door.call("POST", `/v1/batches/${body.id}/cancel`, { key });
  await door.settled();
  const told = door.messages.filter(({ lane }) => lane.includes(":me.shop.com/"));
  expect(told.length).toBeGreaterThan(0);
  const waiting = await door.env.DB.prepare(
    "SELECT DISTINCT lane FROM jobs WHERE kind = 'webhook.deliver'",
  ).all();
  expect(new Set(told.map(({ lane }) => lane))).toEqual(new Set(waiting.results.map(({ lane }) => lane)));
});
