import { join } from "node:path";
import { startChild, type Child } from "./child.ts";
import { until } from "./wait.ts";
import { root } from "./wrangler.ts";

export type SimulatorOptions = { state_dir: string; port: number; time_scale: number };

const READY_MS = 20_000;

/** Run the simulator of X as a process of its own: what it was told and what was posted survives a hard end. */
export async function startSimulator(
  { state_dir, port, time_scale }: SimulatorOptions,
  register: (child: Child) => void,
): Promise<Child> {
  const scale = time_scale === 1 ? [] : ["--time-scale", String(time_scale)];
  const journal = join(state_dir, "simulator.journal");
  const child = startChild({
    name: "the simulator",
    args: [join(root, "simulator/server.ts"), "--port", String(port), "--state", journal, ...scale],
    cwd: root,
    log_path: join(state_dir, "simulator.log"),
  });
  register(child);
  await until("the simulator's address", READY_MS, async () => {
    if (child.hasEnded()) return "gone";
    return (await fetch(`http://127.0.0.1:${port}/_sim/settings`)).ok;
  });
  if (child.hasEnded()) throw new Error(`The simulator did not start:\n${child.lastLines().join("\n")}`);
  return child;
}
