import { expect, test } from "vitest";
import { openDoor, type Door } from "../support/door.ts";
import { finishBatches } from "#core/jobs/batch-ends";

type Tenant = Awaited<ReturnType<Door["tenant"]>>;

async function take(door: Door, { key, account_id }: Pick<Tenant, "key" | "account_id">, count = 1) {
  const items = Array.from({ length: count }, (_, index) => ({ account_id, text: `tweet ${index}` }));
  return (await door.call("POST", "/v1/batches", { key, body: { items } })).body.id;
}

test("a batch is read with its counts, from its rows while it runs and from what was kept once it has ended", async () => {
  const door = await openDoor();
  const tenant = await door.tenant();
  const id = await take(door, tenant, 2);
  const read = async () => (await door.call("GET", `/v1/batches/${id}`, { key: tenant.key })).body;
  expect(await read()).toMatchObject({ state: "running", counts: { queued: 2, succeeded: 0 } });
  await door.env.DB.prepare("UPDATE jobs SET state = 'succeeded', open = NULL, finished_at = 1").run();
  await finishBatches(door.app);
  await door.env.DB.prepare("DELETE FROM jobs").run();
  expect(await read()).toMatchObject({ state: "completed", counts: { queued: 0, succeeded: 2 } });
});

test("another client's batch is not found, nor one that does not exist", async () => {
  const door = await openDoor();
  const [mine, other] = [await door.tenant(), await door.tenant()];
  const id = await take(door, mine);
  expect((await door.call("GET", `/v1/batches/${id}`, { key: other.key })).status).toBe(404);
  expect((await door.call("GET", "/v1/batches/bat_1", { key: mine.key })).status).toBe(404);
});

test("batches are listed the newest first, page by page, without counts", async () => {
  const door = await openDoor();
  const tenant = await door.tenant();
  const ids: string[] = [];
  for (let made = 0; made < 3; made++) {
    door.advance(1);
    ids.unshift(await take(door, tenant));
  }
  const list = async (query: string) =>
    (await door.call("GET", `/v1/batches${query}`, { key: tenant.key })).body;
  const first = await list("?limit=2");
  expect(first).toMatchObject({ has_more: true, data: [{ id: ids[0], counts: null }, { id: ids[1] }] });
  const second = await list(`?limit=2&cursor=${String(first.next_cursor)}`);
  expect(second).toMatchObject({ has_more: false, next_cursor: null, data: [{ id: ids[2] }] });
});
