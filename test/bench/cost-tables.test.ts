import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cellsOf, countsTable, monthsTable, pricesTable, readCounts } from "../../bench/cost-tables.ts";
import { CPU_MS, tweetsOnFree } from "../../bench/month.ts";
import { BASE_USD, PRICES_AS_OF } from "../../bench/price-list.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/deploy.md"), "utf8");
const [, cost = ""] = page.split("## What a month costs");
const stands = (table: string) => {
  const lines = cellsOf(cost).map((cells) => cells.join(" | "));
  expect(lines).toEqual(expect.arrayContaining(cellsOf(table).map((cells) => cells.join(" | "))));
};

test("docs/deploy.md tells the cost of the operations that it says were counted", () => {
  stands(monthsTable(readCounts(cost)));
});

test("and no other: its tables have no lines but these", () => {
  const counts = readCounts(cost);
  const expected = [countsTable(counts), monthsTable(counts), pricesTable()].flatMap(cellsOf);
  expect(cellsOf(cost)).toEqual(expected);
});

test("it names the prices, when they held, and what was assumed", () => {
  stands(pricesTable());
  expect(cost).toContain(`Prices of ${PRICES_AS_OF}`);
  expect(cost).toContain(`$${BASE_USD} a month`);
  expect(cost).toContain(`${CPU_MS.request} ms of CPU for a call, and ${CPU_MS.tweet} ms more for a tweet`);
});

test("it says how far the Free plan goes by these counts", () => {
  const tweets = tweetsOnFree(readCounts(cost), 10).toLocaleString("en");
  expect(cost.replaceAll(/\s+/g, " ")).toContain(`The Free plan holds ${tweets} tweets a day of 10 accounts`);
});

test("counts are read back as they were written", () => {
  const counts = readCounts(cost);
  expect(readCounts(`${countsTable(counts)}\n${counts.job_bytes} bytes in D1`)).toEqual(counts);
});

test("a line of counts that is not whole is refused", () => {
  const broken = cost.replace(/(\| a tweet alone[^\n]*\|)[^|\n]*\|\n/, "$1\n");
  expect(broken).not.toBe(cost);
  expect(() => readCounts(broken)).toThrow('no whole line "a tweet alone"');
  expect(() => readCounts(cost.replace("bytes in D1", "bytes"))).toThrow("how many bytes");
});
