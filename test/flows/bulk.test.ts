import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readTable } from "../../scripts/csv.ts";
import { root } from "../../scripts/wrangler.ts";
import { createRig, type Account, type Rig } from "./rig.ts";

const ROWS = 1_000;

let rig: Rig;
let folder: string;
beforeAll(async () => {
  rig = await createRig();
  rig.simulator.setSettings({ limits: "off" });
  folder = mkdtempSync(join(tmpdir(), "bulk-"));
});
afterAll(async () => {
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Run the script as a process; `kill` is told all that it has said so far, and says when to kill it. */
function bulk(
  args: string[],
  kill: (said: string) => boolean = () => false,
): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [join(root, "scripts/bulk.ts"), ...args], {
    env: { ...process.env, API_URL: rig.caller.url, API_KEY: rig.caller.key },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data: Buffer) => {
      said += data.toString();
      if (kill(said)) child.kill("SIGKILL");
    });
  return new Promise((resolve) =>
    child.on("close", (code) => {
      resolve({ code, said });
    }),
  );
}

/** A table of tweets in which three lines are bad. The first text goes over two lines. */
function tableOf(accounts: Account[]): string {
  const rows = Array.from({ length: ROWS }, (_, row) => {
    const account = accounts[row % accounts.length]?.id ?? "";
    if (row === 40) return `${account},,`;
    if (row === 41) return `${account},too,many,cells`;
    if (row === 150) return `${account},late,tomorrow`;
    return `${account},${row === 0 ? '"first\nline"' : `row ${row}`},`;
  });
  return ["account_id,text,run_at", ...rows, ""].join("\n");
}

test("each good line is a tweet once and the bad ones are named by line, also when it is killed in the middle and run again", async () => {
  const accounts = await Promise.all(Array.from({ length: 5 }, () => rig.connect()));
  const file = join(folder, "schedule.csv");
  writeFileSync(file, tableOf(accounts));
  const args = [file, "--part", "100"];

  const dry = await bulk([...args, "--dry-run"]);
  expect(dry.code).toBe(1);
  // The first text takes two lines of the file.
  expect(
    [...dry.said.matchAll(/^line (\d+): (\S+)/gm)].map(([, line, what]) => [Number(line), what]),
  ).toEqual([
    [43, "text"],
    [44, "has"],
    [153, "run_at"],
  ]);
  expect(dry.said).toContain("997 lines are good, 3 are not. Price: $14.955");
  expect(rig.simulator.tweetPage().total).toBe(0);

  // Killed when it has handed over some of its parts.
  const killed = await bulk(args, (said) => / of 4\d\d done/.test(said));
  expect(killed.code).toBeNull();
  expect(existsSync(join(folder, "schedule.result.csv"))).toBe(false);

  const again = await bulk(args);
  expect(again.said).toContain("997 succeeded, 3 did not");
  const tweets = rig.simulator.tweetPage(undefined, 1_000);
  expect(tweets.total).toBe(997);
  expect(new Set(tweets.tweets.map(({ user_id, text }) => `${user_id} ${text}`)).size).toBe(997);

  const { head, rows } = readTable(readFileSync(join(folder, "schedule.result.csv"), "utf8"));
  expect(head).toEqual(["line", "state", "job_id", "tweet_id", "url", "error"]);
  expect(rows).toHaveLength(ROWS);
  const done = rows.filter(({ cells }) => cells[1] === "succeeded");
  const made = new Map(tweets.tweets.map(({ id, text }) => [id, text]));
  for (const { cells } of done) {
    const [line, , , id = "", url] = cells;
    expect(made.get(id)).toBe(line === "2" ? "first\nline" : `row ${Number(line) - 3}`);
    expect(url).toContain(id);
  }
  expect(rows.filter(({ cells }) => cells[1] === "rejected").map(({ cells }) => cells[0])).toEqual([
    "43",
    "44",
    "153",
  ]);
});
