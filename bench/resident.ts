import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const LOOK_MS = 50;

/** How long it takes, and the most memory that workerd has meanwhile. */
export async function timed<Value>(
  state_dir: string,
  act: () => Promise<Value>,
): Promise<{ came: Value; ms: number; peak: number }> {
  let peak = 0;
  const looking = setInterval(() => {
    peak = Math.max(peak, residentBytes(state_dir));
  }, LOOK_MS);
  const began = performance.now();
  try {
    const came = await act();
    return { came, ms: performance.now() - began, peak: Math.max(peak, residentBytes(state_dir)) };
  } finally {
    clearInterval(looking);
  }
}

/** What the workerd of a stack has in memory. */
export const residentBytes = (state_dir: string): number =>
  workerdPids(state_dir).reduce((sum, pid) => sum + residentOf(pid), 0);

/** The processes that are the workerd of a stack. */
export const workerdPids = (state_dir: string): string[] =>
  readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isOurs(state_dir, name));

function isOurs(state_dir: string, pid: string): boolean {
  try {
    return (
      readlinkSync(`/proc/${pid}/cwd`).startsWith(state_dir) &&
      readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("workerd")
    );
  } catch {
    return false;
  }
}

function residentOf(pid: string): number {
  try {
    const [, kib = "0"] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Number(kib) * 1024;
  } catch {
    return 0;
  }
}
