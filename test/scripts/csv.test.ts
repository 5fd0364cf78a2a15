import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { csvLine, readCsv, readTable } from "../../scripts/csv.ts";
import { root } from "../../scripts/wrangler.ts";

test.each([
  ["a,b\n1,2\n", [["1", "2"]]],
  [
    "a,b\r\n1,2\r\n3,4",
    [
      ["1", "2"],
      ["3", "4"],
    ],
  ],
  ['a,b\n1,"two, or ""three""\nlines"\n', [["1", 'two, or "three"\nlines']]],
  ["a,b\n,\n", [["", ""]]],
  ["a,b\n", []],
])("%j", (text, rows) => {
  expect(readCsv(text)).toEqual(rows);
});

test("rows are known by the line they begin in, whatever their cells; empty lines are none", () => {
  const text = 'a,b\r\n1,"x\ny"\r\n\r\n2\r\n3,4,5\n';
  expect(readTable(text)).toEqual({
    head: ["a", "b"],
    rows: [
      { line: 2, cells: ["1", "x\ny"] },
      { line: 5, cells: ["2"] },
      { line: 6, cells: ["3", "4", "5"] },
    ],
  });
});

test("a line that is written is read as it was, and runs as no formula", () => {
  const cells = ["plain", 'two, "three"', "a\nb", "", "=1+1"];
  const { rows } = readTable(`1,2,3,4,5\r\n${csvLine(cells)}`);
  expect(rows).toEqual([{ line: 2, cells: [...cells.slice(0, 4), "'=1+1"] }]);
});

test("a row with too few cells is named", () => {
  expect(() => readCsv("a,b\n1,2\n3\n")).toThrow("row 3");
});

test("the demo has 200 different tweets that X takes, 20 for each of its 10 accounts", () => {
  const rows = readCsv(readFileSync(join(root, "scripts/demo-tweets.csv"), "utf8"));
  const texts = rows.map(([, text = ""]) => text);
  expect(new Set(texts.map((text) => text.toLowerCase())).size).toBe(200);
  expect(Math.max(...texts.map((text) => text.length))).toBeLessThanOrEqual(280);
  const counts = Map.groupBy(rows, ([account]) => account);
  expect([...counts.keys()]).toEqual(Array.from({ length: 10 }, (_, index) => String(index + 1)));
  expect([...counts.values()].every((own) => own.length === 20)).toBe(true);
});
