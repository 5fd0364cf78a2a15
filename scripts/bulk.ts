import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { check, planOf, run } from "./bulk-run.ts";
import { csvLine } from "./csv.ts";

// npm run bulk -- schedule.csv [--account acc_…] [--dry-run] [--strict] [--part 1000] [--result schedule.result.csv]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    account: { type: "string" },
    "dry-run": { type: "boolean", default: false },
    strict: { type: "boolean", default: false },
    part: { type: "string", default: "1000" },
    result: { type: "string" },
  },
});
const local = (): Record<string, string> =>
  JSON.parse(readFileSync(join(resolve(process.env.STATE_DIR ?? ".state"), "local.json"), "utf8")) as Record<
    string,
    string
  >;
const { API_URL, API_KEY } = process.env;
const { url, api_key } = API_URL && API_KEY ? { url: API_URL, api_key: API_KEY } : local();
const [path] = positionals;
const size = Number(values.part);
if (path === undefined || !url || !api_key || !Number.isInteger(size) || size < 1 || size > 10_000)
  throw new Error("npm run bulk -- FILE.csv, with API_URL and API_KEY, or while `npm start` runs");

const caller = { url: url.replace(/\/$/, ""), key: api_key };
const plan = planOf(readFileSync(path, "utf8"), values.account, size);
const { bad, good, micro_usd, warnings } = await check(caller, plan);
for (const { line, error } of bad) console.log(`line ${line}: ${error ?? ""}`);
for (const [code, count] of Object.entries(warnings)) console.log(`warning ${code}: ${count} lines`);
console.log(`${good} lines are good, ${bad.length} are not. Price: $${(micro_usd / 1e6).toFixed(3)}`);

if (values["dry-run"] || good === 0 || (values.strict && bad.length > 0))
  process.exitCode = bad.length > 0 ? 1 : 0;
else {
  const outcomes = await run(caller, plan, (done, of) => {
    process.stdout.write(`\r${done} of ${of} done`);
  });
  const result = values.result ?? `${path.replace(/\.csv$/i, "")}.result.csv`;
  const head = ["line", "state", "job_id", "tweet_id", "url", "error"] as const;
  const lines = outcomes.map((one) => csvLine(head.map((name) => one[name])));
  writeFileSync(`${result}.part`, [csvLine(head), ...lines].join(""));
  renameSync(`${result}.part`, result);
  const failed = outcomes.filter(({ state }) => state !== "succeeded").length;
  console.log(`\n${outcomes.length - failed} succeeded, ${failed} did not: ${result}`);
  process.exitCode = failed > 0 ? 1 : 0;
}
