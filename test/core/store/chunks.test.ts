import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import * as chunks from "#core/store/chunks";
import type { ChunkRow } from "#core/store/chunks";
import { all } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { empty, put } from "../../support/rows.ts";

const db = strict(env.DB);
const chunk = (start: number, size_bytes = 10): ChunkRow => ({
  upload_id: "med_1",
  start,
  size_bytes,
  writer: "w",
});
const starts = async (from: number, to: number) =>
  (await all<ChunkRow>(chunks.covering(db, "med_1", from, to))).map(({ start }) => start);

beforeEach(async () => {
  await empty(env.DB);
  for (const start of [0, 10, 20]) await put(env.DB, "chunks", chunk(start));
});

test.each([
  [0, 10, [0]],
  [9, 11, [0, 10]],
  [10, 20, [10]],
  [15, 100, [10, 20]],
])("the bytes from %i to %i stand in %j", async (from, to, found) => {
  expect(await starts(from, to)).toEqual(found);
});

test("pieces are noted only if the statement before has changed something", async () => {
  const nothing = db.prepare("UPDATE chunks SET writer = 'x' WHERE start = 999");
  const something = db.prepare("UPDATE chunks SET writer = 'x' WHERE start = 0");
  await db.batch([nothing, chunks.insert(db, [chunk(30)])]);
  expect(await starts(30, 31)).toEqual([20]);
  await db.batch([something, chunks.insert(db, [chunk(30), chunk(40)])]);
  expect(await starts(30, 50)).toEqual([30, 40]);
});

test("the pieces of an upload go together", async () => {
  await chunks.remove(db, "med_1").run();
  expect(await starts(0, 100)).toEqual([]);
});
