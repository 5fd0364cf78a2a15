import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../scripts/ports.ts";
import { until } from "../../scripts/wait.ts";
import { root } from "../../scripts/wrangler.ts";

/** What `local.json` says. */
export type Local = {
  url: string;
  simulator_url: string;
  admin_key: string;
  client_id: string;
  api_key: string;
  webhook_secret: string | null;
  account_id: string;
};

export type Started = Awaited<ReturnType<typeof start>>;

const READY_MS = 120_000;

/** Two free ports, as the environment of `npm start`. */
export async function ownPorts(): Promise<Record<string, string>> {
  const [port, simulator] = await freePorts(2);
  return { PORT: String(port), SIMULATOR_PORT: String(simulator) };
}

/** Run what `npm start` runs, or another script like it, until it says that it is ready. */
export async function start(
  state_dir: string,
  environment: Record<string, string>,
  script = "scripts/start.ts",
) {
  const sign = join(state_dir, "local.json");
  rmSync(sign, { force: true });
  const child = spawn(process.execPath, [script], {
    cwd: root,
    env: { ...process.env, ...environment, STATE_DIR: state_dir },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data: Buffer) => {
      output += data.toString();
    });
  const exit = new Promise<number | null>((resolve) => {
    child.once("exit", resolve);
  });
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  try {
    await until("ready", READY_MS, async () => isOver() || existsSync(sign));
  } finally {
    if (!existsSync(sign)) child.kill("SIGTERM");
  }
  if (isOver()) throw new Error(`start ended with ${child.exitCode ?? child.signalCode ?? ""}: ${output}`);
  const groups = groupsOf(child.pid ?? 0);
  return {
    local: JSON.parse(readFileSync(sign, "utf8")) as Local,
    output: () => output,
    /** Send a signal to the one process, and wait for its exit code (null when the signal ended it). */
    end(signal: NodeJS.Signals): Promise<number | null> {
      child.kill(signal);
      return exit;
    },
    /** What of its simulator, wrangler and workerd still runs. */
    leftovers: () => processes().filter(({ group }) => groups.includes(group)),
  };
}

type Running = { pid: number; parent: number; group: number; command: string };

/** The process groups of a process's children. */
const groupsOf = (pid: number): number[] =>
  processes()
    .filter(({ parent }) => parent === pid)
    .map(({ group }) => group);

/** Every process that is not a zombie. */
function processes(): Running[] {
  const text = execFileSync("ps", ["-A", "-o", "pid=,ppid=,pgid=,stat=,args="], { encoding: "utf8" });
  return text.split("\n").flatMap((line) => {
    const [, pid, parent, group, state = "Z", command = ""] =
      /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (state.startsWith("Z")) return [];
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), command }];
  });
}
