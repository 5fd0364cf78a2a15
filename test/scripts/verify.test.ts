import { expect, test } from "vitest";
import type { Posted } from "../../scripts/books.ts";
import { flawsOf, type Expected } from "../../scripts/verify.ts";

const expected: Expected[] = [
  { user_id: "1", text: "one", deleted: true },
  { user_id: "1", text: "two", deleted: false },
  { user_id: "2", text: "one", deleted: false },
];
let id = 0;
const posted = (user_id: string, text: string, deleted = false): Posted => ({
  id: String(++id),
  user_id,
  text,
  deleted,
  created_at: id,
});
const right = [posted("2", "one"), posted("1", "one", true), posted("1", "two")];

test("books that have everything once, in the order of each account, have no flaw", () => {
  expect(flawsOf(expected, right)).toEqual([]);
});

test.each([
  ["missing", right.slice(1), "posted 0 times for 2: one"],
  ["posted twice", [...right, posted("2", "one")], "posted 2 times for 2: one"],
  ["of another user", [...right.slice(1), posted("3", "one")], "never asked for, by 3: one"],
  ["never asked for", [...right, posted("2", "three")], "never asked for, by 2: three"],
  ["not deleted", [posted("2", "one"), posted("1", "one"), posted("1", "two")], "not deleted: one"],
  ["deleted", [posted("2", "one", true), ...right.slice(1)], "deleted: one"],
  ["out of order", [posted("2", "one"), posted("1", "two"), posted("1", "one", true)], "out of order: 1"],
])("a tweet %s is told", (_, books, flaw) => {
  expect(flawsOf(expected, books)).toContain(flaw);
});
