import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { pairPlace } from "#core/accounts/tokens";
import { openRing } from "#core/lib/seal";
import { ADMIN_KEY, mistakes, openDoor, type Door } from "../support/door.ts";
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
