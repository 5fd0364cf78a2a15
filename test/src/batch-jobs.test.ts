import { expect, test } from "vitest";
import { openDoor } from "../support/door.ts";

async function taken(count: number, more: Record<string, unknown> = {}) {
  const door = await openDoor();
  const client = await door.client();
  const accounts = [await door.account(client.id), await door.account(client.id, { shard: "1" })];
  const items = Array.from({ length: count }, (_, index) => ({
    account_id: accounts[index % 2],
    text: `tweet ${index}`,
    ...more,
  }));
  const { body } = await door.call("POST", "/v1/batches", { key: client.key, body: { items } });
  return { door, key: client.key, path: `/v1/batches/${body.id}/jobs` };
}

test("jobs of all databases are listed page by page, in the order of the items", async () => {
  const { door, key, path } = await taken(5);
  const ids: string[] = [];
  for (let cursor: string | null = null, page = 0; page === 0 || cursor !== null; page++) {
    const { body } = await door.call("GET", `${path}?limit=2${cursor === null ? "" : `&cursor=${cursor}`}`, {
      key,
    });
    ids.push(...body.data.map(({ id }) => id));
    cursor = body.next_cursor as string | null;
  }
  expect(ids).toHaveLength(5);
  expect([...ids].sort()).toEqual(ids);
});

test("as a table they come all at once, and nothing in them is a formula", async () => {
  const { door, key, path } = await taken(1201, { metadata: { note: '=1+1 "quoted", too' } });
  const answer = await door.ask("GET", path, { key, headers: { accept: "text/csv" } });
  expect(answer.headers.get("content-type")).toContain("text/csv");
  const lines = (await answer.text()).trimEnd().split("\r\n");
  expect(lines).toHaveLength(1202);
  expect(lines[0]).toContain("index,id,kind,account_id,state");
  expect(lines.slice(1).map((line) => Number(line.split(",")[0]))).toEqual(
    Array.from({ length: 1201 }, (_, index) => index),
  );
  expect(lines[1]).toContain('"{""note"":""=1+1 \\""quoted\\"", too""}"');
});
