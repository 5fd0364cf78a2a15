import { costAtX, costOf, type Counts, type Month, type Operations } from "./month.ts";
import { PRICE_LIST, type Operation, type Price } from "./price-list.ts";

// The tables of docs/deploy.md: what was counted, and what a month of it costs.

const ROWS = {
  tweet_alone: "a tweet alone",
  tweet_in_batch: "a tweet in a batch of 100",
  webhook_alone: "its webhook, alone",
  webhook_in_batch: "its webhook, in bulk",
  account_day: "an account, a day",
  tick: "a tick of the clock",
} as const;

const COLUMNS: Record<keyof Operations, string> = {
  requests: "calls of Workers",
  queue_operations: "queue operations",
  rows_written: "rows written",
  rows_read: "rows read",
  kv_reads: "KV reads",
  kv_writes: "KV writes",
  log_events: "log events",
};
const names = Object.keys(COLUMNS) as (keyof Operations)[];
const rows = Object.keys(ROWS) as (keyof typeof ROWS)[];

/** The counted operations, as a table. */
export const countsTable = (counts: Counts): string =>
  markdown(
    ["", ...Object.values(COLUMNS)],
    rows.map((row) => [ROWS[row], ...names.map((name) => String(Number(counts[row][name].toFixed(2))))]),
  );

/** Read such a table back. `job_bytes` stands in the text. Throws when a figure is missing. */
export function readCounts(text: string): Counts {
  const cells = cellsOf(text);
  const read = (row: keyof typeof ROWS): Operations => {
    const line = cells.find(([title]) => title === ROWS[row]);
    const values = names.map((_, index) => Number(line?.[index + 1]?.replaceAll(",", "") ?? NaN));
    if (values.some(Number.isNaN)) throw new Error(`There is no whole line "${ROWS[row]}"`);
    return Object.fromEntries(names.map((name, index) => [name, values[index]])) as Operations;
  };
  const job_bytes = Number(/([\d,]+) bytes in D1/.exec(text)?.[1]?.replaceAll(",", "") ?? NaN);
  if (Number.isNaN(job_bytes)) throw new Error("It does not say how many bytes in D1 a job takes");
  return {
    ...(Object.fromEntries(rows.map((row) => [row, read(row)])) as Omit<Counts, "job_bytes">),
    job_bytes,
  };
}

/** The months that docs/deploy.md tells of. */
export const MONTHS: Month[] = [
  { tweets: 10_000, accounts: 100 },
  { tweets: 1_000_000, accounts: 2_000 },
  { tweets: 100_000_000, accounts: 50_000 },
].flatMap((size) => [
  { ...size, how: "alone" as const, webhooks: true },
  { ...size, how: "in_batch" as const, webhooks: false },
]);

const COSTS: [title: string, operations: Operation[]][] = [
  ["Workers", ["requests", "cpu_ms"]],
  ["Queues", ["queue_operations"]],
  ["D1 rows", ["rows_written", "rows_read"]],
  ["D1 GB", ["d1_gb"]],
  ["KV", ["kv_reads", "kv_writes"]],
  ["logs", ["log_events"]],
];

/** What the months cost, as a table. */
export const monthsTable = (counts: Counts): string =>
  markdown(
    [
      "tweets",
      "accounts",
      "how",
      ...COSTS.map(([title]) => title),
      "**Cloudflare**",
      "databases",
      "X itself",
    ],
    MONTHS.map((month) => {
      const { costs, total, databases } = costOf(counts, month);
      return [
        month.tweets.toLocaleString("en"),
        month.accounts.toLocaleString("en"),
        month.how === "alone" ? "each alone, with a webhook" : "batches of 100",
        ...COSTS.map(([, operations]) => usd(operations.reduce((sum, name) => sum + costs[name], 0))),
        `**${usd(total)}**`,
        String(databases),
        usd(costAtX(month)),
      ];
    }),
  );

const UNITS: Record<Operation, string> = {
  ...COLUMNS,
  cpu_ms: "ms of CPU",
  d1_gb: "GB in D1",
};

/** The price list, as a table. */
export const pricesTable = (): string =>
  markdown(
    ["", "included in a month", "beyond that", "source"],
    (Object.entries(PRICE_LIST) as [Operation, Price][]).map(
      ([name, { included, usd: price, per, source }]) => [
        UNITS[name],
        included.toLocaleString("en"),
        `$${price} ${per === 1 ? "each" : "a million"}`,
        source.replace("https://developers.cloudflare.com", ""),
      ],
    ),
  );

const usd = (value: number): string => `$${Math.round(value).toLocaleString("en")}`;

const markdown = (head: string[], lines: string[][]): string =>
  [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** The cells of every table in a text, however wide its columns are drawn. */
export const cellsOf = (text: string): string[][] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("|") && !/^\|[\s|-]+$/.test(line))
    .map((line) =>
      line
        .slice(1, line.lastIndexOf("|"))
        .split("|")
        .map((cell) => cell.trim()),
    );
