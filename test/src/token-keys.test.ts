import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { pairPlace } from "#core/accounts/tokens";
import { reseal } from "#core/accounts/reseal";
import { openRing } from "#core/lib/seal";
import { secretPlace } from "#core/webhooks/secrets";
import { createApp } from "../../src/app.ts";
import { ADMIN_KEY, mistakes, openDoor, TEST_WEBHOOK_RING, type Door } from "../support/door.ts";
import { TEST_RING } from "../support/harness.ts";

const NEW = `new:${"B".repeat(43)}`;
const PATH = "/v1/token-keys/reseal";
const step = (door: Door, body: unknown = {}, key: string | null = ADMIN_KEY) =>
  door.call("POST", PATH, { key, body });

async function everyStep(door: Door) {
  const bodies = [];
  for (let cursor: unknown = null; bodies.length < 20;) {
    const { status, body } = await step(door, cursor === null ? {} : { cursor });
    expect(status).toBe(200);
    bodies.push(body);
    cursor = body.next_cursor;
    if (cursor === null) break;
  }
  return bodies;
}

test("step by step everything is sealed with the newest key, and nothing of it is shown or logged", async () => {
  const door = await openDoor({ TOKEN_KEYS: `${NEW},${TEST_RING}` });
  const ids = [await door.account("cli_1"), await door.account("cli_1", { shard: "1" })];
  const bodies = await everyStep(door);
  expect(bodies.map(({ resealed }) => resealed as number).reduce((a, b) => a + b)).toBe(2);
  expect(bodies).toMatchObject(bodies.map(() => ({ key: "new", unreadable: [] })));
  const ring = await openRing(NEW, "TOKEN_KEYS");
  for (const [index, db] of [env.DB, env.DB_1].entries()) {
    const row = await db.prepare("SELECT token FROM accounts").first<{ token: string }>();
    expect(await ring.open(row?.token ?? "", pairPlace(ids[index] ?? "", 1))).toContain(`access-`);
  }
  expect(door.log.filter(({ event }) => event === "tokens.resealed")).toHaveLength(bodies.length);
});

test("a hundred rows a step", async () => {
  const door = await openDoor({ TOKEN_KEYS: `${NEW},${TEST_RING}` });
  for (let n = 0; n < 101; n++) await door.account("cli_1");
  const bodies = await everyStep(door);
  expect(bodies.slice(0, 2)).toMatchObject([
    { examined: 100, resealed: 100 },
    { examined: 1, resealed: 1 },
  ]);
});

test("what the ring does not open is named", async () => {
  const door = await openDoor({ TOKEN_KEYS: NEW });
  const id = await door.account("cli_1");
  expect((await step(door)).body).toMatchObject({ examined: 1, resealed: 0, unreadable: [id] });
});

test.each([
  [{ cursor: "nonsense" }, "/cursor invalid"],
  [{ cursor: "9.accounts.acc_1" }, "/cursor invalid"],
  [{ cursor: 1 }, "/cursor invalid_type"],
  [{ cursor: "x".repeat(101) }, "/cursor too_big"],
  [{ limit: 5 }, "/limit unknown_field"],
])("refuses %j: %s", async (body, mistake) => {
  const answer = await step(await openDoor(), body);
  expect(answer.status).toBe(422);
  expect(mistakes(answer.body)).toEqual([mistake]);
});

test("only an admin may ask for it", async () => {
  const door = await openDoor();
  const { key } = await door.client();
  expect((await step(door, {}, key)).status).toBe(403);
  expect((await step(door, {}, null)).status).toBe(401);
});

test("without a ring it says what is wrong", async () => {
  const { status, body } = await step(await openDoor({ TOKEN_KEYS: "" }));
  expect([status, body.code]).toEqual([503, "misconfigured"]);
  expect(body.detail).toContain("TOKEN_KEYS is missing");
});

test("the secrets of webhooks have a ring of their own, and an endpoint the same text on every database", async () => {
  const door = await openDoor();
  const { id, key } = await door.tenant();
  const admin = await door.key(id, { scopes: ["admin"] });
  const made = await door.call("POST", "/v1/webhook-endpoints", {
    key,
    body: { url: "https://hooks.shop.com/x", events: ["*"] },
  });
  const path = `/v1/webhook-endpoints/${made.body.id}`;
  await door.call("POST", `${path}/rotate-secret`, { key });
  for (let times = 0; times < 2; times++)
    await door.call("POST", `/v1/clients/${id}/rotate-webhook-secret`, { key: admin });

  const rotated = { ...door.env, WEBHOOK_KEYS: `${NEW},${TEST_WEBHOOK_RING}` };
  const app = createApp(rotated, { waitUntil: () => undefined });
  const databases = { DB: env.DB, DB_1: env.DB_1 };
  const ring = await app.webhookRing();
  let resealed = 0;
  for (let cursor: string | null = null; ;) {
    const done = await reseal({ databases, sealing: "webhooks", ring }, cursor, 1);
    expect(done?.unreadable).toEqual([]);
    resealed += done?.resealed ?? 0;
    cursor = done?.next_cursor ?? null;
    if (cursor === null) break;
  }
  // Two of the endpoint, which are the same on both databases, and two of the client.
  expect(resealed).toBe(4);
  const fresh = await openRing(NEW, "WEBHOOK_KEYS");
  const rows = await Promise.all(
    [env.DB, env.DB_1].map((db) => db.prepare("SELECT secret, old_secret FROM endpoints").first()),
  );
  expect(rows[0]).toEqual(rows[1]);
  for (const text of Object.values(rows[0] ?? {}))
    expect(await fresh.open(String(text), secretPlace(made.body.id))).toMatch(/^whsec_/);
  const client = await env.DB.prepare("SELECT webhook_secret, old_webhook_secret FROM clients").first();
  for (const text of Object.values(client ?? {}))
    expect(await fresh.open(String(text), secretPlace(id))).toMatch(/^whsec_/);
});

test("which ring is asked for, and without that one it says what is wrong", async () => {
  const door = await openDoor({ WEBHOOK_KEYS: "" });
  expect((await step(door, { ring: "tokens" })).status).toBe(200);
  const { status, body } = await step(door, { ring: "webhooks" });
  expect([status, body.code]).toEqual([503, "misconfigured"]);
  expect(body.detail).toContain("WEBHOOK_KEYS is missing");
  expect(mistakes((await step(door, { ring: "others" })).body)).toEqual(["/ring invalid_value"]);
});
