/**
 * What a month costs at Cloudflare: the operations of a tweet, counted, times the price list. Prints the tables that stand in
 * docs/deploy.md, and says where those there are not what was counted now.
 *
 *   npm run bench cost    (some minutes)
 */
import { readFileSync } from "node:fs";
import { cellsOf, countsTable, monthsTable } from "./cost-tables.ts";
import { tweetsOnFree } from "./month.ts";
import { countOperations } from "./operations.ts";

const counts = await countOperations();
const tables = [countsTable(counts), monthsTable(counts)];
console.log(tables.join("\n\n"));
console.log(`\nA finished job takes ${counts.job_bytes} bytes in D1. The Free plan holds
${tweetsOnFree(counts, 10)} tweets a day of 10 accounts.`);

const written = new Set(cellsOf(readFileSync("docs/deploy.md", "utf8")).map((cells) => cells.join()));
const changed = tables.flatMap(cellsOf).filter((cells) => !written.has(cells.join()));
if (changed.length > 0)
  console.log(`\nNot so in docs/deploy.md: ${changed.map(([title]) => title).join("; ")}`);
process.exit(0);
