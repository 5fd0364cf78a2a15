import { describe, expect, test } from "vitest";
import { z } from "zod";
import { ping } from "#core/store/sql";
import { everywhere, pageFields, pageFrom, pageOf } from "../../src/lists.ts";
import { openDoor } from "../support/door.ts";

const rows = (...ids: string[]) => ids.map((id) => ({ id }));

describe("a page of several databases", () => {
  test.each([
    ["oldest", ["a", "b"], "b"],
    ["newest", ["d", "c"], "c"],
  ] as const)("has the %s first, and says where to go on", (order, ids, next_cursor) => {
    expect(pageFrom([rows("a", "d"), [], rows("c", "b")], 2, order)).toEqual({
      rows: rows(...ids),
      has_more: true,
      next_cursor,
    });
  });

  test("that holds all there is has no cursor", () => {
    expect(pageFrom([rows("a"), rows("b")], 2, "oldest")).toEqual({
      rows: rows("a", "b"),
      has_more: false,
      next_cursor: null,
    });
    expect(pageFrom([], 2, "newest")).toEqual({ rows: [], has_more: false, next_cursor: null });
  });

  test("is described by what it holds", () => {
    const page = { data: ["a"], has_more: false, next_cursor: null };
    expect(pageOf(z.string()).parse(page)).toEqual(page);
    expect(pageOf(z.number()).safeParse(page).success).toBe(false);
  });
});

test.each([
  [{}, { limit: 20 }],
  [{ limit: "100" }, { limit: 100 }],
  [
    { limit: "1", cursor: "aud_01KAB3C4D5V1StGXR8Z5jd0" },
    { limit: 1, cursor: "aud_01KAB3C4D5V1StGXR8Z5jd0" },
  ],
  [{ limit: "0" }, null],
  [{ limit: "101" }, null],
  [{ limit: "1.5" }, null],
  [{ limit: "" }, null],
  [{ cursor: "key_01KAB3C4D5V1StGXR8Z5jd0" }, null],
  [{ cursor: "aud_~" }, null],
])("the parameters %j are read as %j", (given, read) => {
  expect(z.strictObject(pageFields("aud")).safeParse(given).data ?? null).toEqual(read);
});

test("every database is asked", async () => {
  const door = await openDoor();
  expect(await everywhere(door.app, ping)).toEqual([[{ 1: 1 }], [{ 1: 1 }]]);
});
