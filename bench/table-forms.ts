/**
 * The two forms the table `jobs` could have, WITHOUT ROWID or with, over rows with 1.5 KB of params: what D1 bills and how
 * long its SQL takes. The schema is the migration's own; only the form differs.
 *
 *   npm run bench table-forms [rows]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getPlatformProxy } from "wrangler";

const ROWS = Number(process.argv[2] ?? 20_000);
const LANES = 200;
const BATCH = 500;
const PARAMS = JSON.stringify({ text: "x".repeat(1_500) });

const folder = mkdtempSync(join(tmpdir(), "tap-forms-"));
const proxy = await getPlatformProxy<{ DB: D1Database }>({
  configPath: "wrangler.toml",
  persist: { path: folder },
});
const db = proxy.env.DB;

try {
  const schema = readFileSync("migrations/0003_jobs.sql", "utf8").replaceAll(/--.*$/gm, "");
  const [table = "", index = ""] = schema.split(";");
  console.log(`${ROWS} rows of 1.5 KB, ${LANES} lanes: rows written, rows read and µs of SQL, each per row`);
  for (const [form, statement] of [
    ["WITHOUT ROWID", table],
    ["rowid", table.replace(", WITHOUT ROWID", "")],
  ] as const) {
    await db.batch([db.prepare("DROP TABLE IF EXISTS jobs"), db.prepare(statement), db.prepare(index)]);
    console.log(form);
    await step("insert", ROWS / BATCH, BATCH, (round) =>
      db
        .prepare(
          `INSERT INTO jobs (client_id, id, kind, account_id, lane, ordered, state, open, due_at, expires_at, max_attempts,
                             params, created_at)
           SELECT 'cli_1', printf('job_%010d', ?1 * ${BATCH} + value), 'tweet.create', 'acc_1', 'tweets:' || (value % ${LANES}),
                  1, 'queued', 1, ?1 * ${BATCH} + value, 9e15, 5, ?2, 1 FROM json_each(?3)`,
        )
        .bind(round, PARAMS, JSON.stringify(Array.from({ length: BATCH }, (_, i) => i))),
    );
    const lanes = JSON.stringify(Array.from({ length: LANES }, (_, i) => `tweets:${i}`));
    const head = `(SELECT h.id FROM jobs AS h WHERE h.lane = m.value AND h.open = 1 ORDER BY h.due_at, h.id LIMIT 1)`;
    const ofHeads = `WHERE client_id = 'cli_1' AND id IN (SELECT ${head} FROM json_each(?1) AS m)`;
    await step("claim", 20, LANES, () =>
      db.prepare(`UPDATE jobs SET attempts = attempts + 1, sequence = sequence + 1 ${ofHeads}`).bind(lanes),
    );
    await step("look", 20, LANES, () => db.prepare(`SELECT * FROM jobs ${ofHeads}`).bind(lanes));
    await step("settle", 20, LANES, () =>
      db.prepare(`UPDATE jobs SET state = 'succeeded', open = NULL, finished_at = 1 ${ofHeads}`).bind(lanes),
    );
    await step("list", 20, 100, () =>
      db.prepare("SELECT * FROM jobs WHERE client_id = 'cli_1' AND id < 'job_~' ORDER BY id DESC LIMIT 100"),
    );
  }
} finally {
  await proxy.dispose();
  rmSync(folder, { recursive: true, force: true });
}

/** Run a statement `rounds` times over `rows` rows each, and print the median of what it cost a row. */
async function step(
  name: string,
  rounds: number,
  rows: number,
  make: (round: number) => D1PreparedStatement,
): Promise<void> {
  const costs: { written: number; read: number; us: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const { meta } = await make(round).all();
    costs.push({
      written: meta.rows_written / rows,
      read: meta.rows_read / rows,
      us: (meta.duration * 1000) / rows,
    });
  }
  const median = (of: (cost: (typeof costs)[number]) => number) =>
    costs.map(of).sort((a, b) => a - b)[Math.floor(costs.length / 2)] ?? 0;
  const [written, read, us] = [median((c) => c.written), median((c) => c.read), median((c) => c.us)];
  console.log(
    `  ${name.padEnd(8)} ${written.toFixed(2)} written  ${read.toFixed(2)} read  ${us.toFixed(1)} µs`,
  );
}
