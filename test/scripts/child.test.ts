import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startChild } from "../../scripts/child.ts";
import { until } from "../../scripts/wait.ts";
import { root } from "../../scripts/wrangler.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "child-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const options = (code: string) => ({
  name: "a program",
  args: ["-e", code],
  cwd: folder,
  log_path: join(folder, "log"),
});

/** A program that starts another one, says that one's pid, and lives on. */
const FAMILY = `
  const { pid } = child_process.spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  console.log("pid " + pid);
  setInterval(() => {}, 1000);`;

/** Whether a process runs; one that nobody has fetched after its end does not. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !readFileSync(stat, "utf8").includes(") Z ");
}

const grandchild = (lines: string[]): number | null =>
  Number(/pid (\d+)/.exec(lines.join("\n"))?.[1] ?? 0) || null;

test("a program's lines are kept, in its log and for whoever listens, with its exit code", async () => {
  const heard: string[] = [];
  const child = startChild({
    ...options("console.log('one'); console.error('two'); process.exitCode = 3"),
    onLine: (line) => heard.push(line),
  });
  await child.ended;
  expect(child.exitCode()).toBe(3);
  expect(child.lastLines().sort()).toEqual(["one", "two"]);
  expect([...heard].sort()).toEqual(["one", "two"]);
  await until("the log", 2_000, async () => readFileSync(child.log_path, "utf8").split("\n").length === 3);
});

test("what an earlier run wrote is kept beside the log", async () => {
  await startChild(options("console.log('first')")).ended;
  await until("the log", 2_000, async () => readFileSync(join(folder, "log"), "utf8") !== "");
  await startChild(options("")).ended;
  expect(readFileSync(join(folder, "log.old"), "utf8")).toBe("first\n");
});

test("stopped, a program ends with the programs that it started", async () => {
  const child = startChild(options(FAMILY));
  const pid = await until("a pid", 5_000, async () => grandchild(child.lastLines()));
  await child.stop();
  expect(child.hasEnded()).toBe(true);
  await until("its end", 2_000, async () => !runs(pid));
});

test("a program that does not want to end is ended", async () => {
  const child = startChild(options(`process.on("SIGTERM", () => {}); ${FAMILY}`));
  await until("a pid", 5_000, async () => grandchild(child.lastLines()));
  await child.stop();
  expect(child.hasEnded()).toBe(true);
});

test("a program and what it started end when whoever started it is killed hard", async () => {
  const script = join(folder, "holder.ts");
  const module = JSON.stringify(join(root, "scripts/child.ts"));
  const given = JSON.stringify(options(FAMILY));
  writeFileSync(
    script,
    `import { startChild } from ${module};\nstartChild({ ...${given}, onLine: console.log });`,
  );
  const holder = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  holder.stdout.on("data", (data: Buffer) => {
    said += data.toString();
  });
  const pid = await until("a pid", 5_000, async () => grandchild([said]));
  expect(runs(pid)).toBe(true);
  holder.kill("SIGKILL");
  await until("its end", 2_000, async () => !runs(pid));
});
