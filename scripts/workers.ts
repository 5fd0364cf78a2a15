import { dirname, join } from "node:path";
import { startChild, type Child } from "./child.ts";
import { dataDir } from "./migrate.ts";
import { secretsPath } from "./secrets.ts";
import { pause, until } from "./wait.ts";
import { wranglerEnvironment, wranglerPath } from "./wrangler.ts";

export type WorkersOptions = {
  state_dir: string;
  port: number;
  /** Of every Worker, the producer's first. */
  configs: string[];
  onLine: (line: string) => void;
};

const TRIES = 3;
const READY_MS = 90_000;
/** Two that start in the same second may want the same address; after a pause of their own they do not. */
const PAUSE_MS = 1_000;
const COLLISION = /Address already in use|EADDRINUSE/;

/** Run all Workers in one `wrangler dev`, ready to take requests. Rejects with the last lines when that fails. */
export async function startWorkers(
  options: WorkersOptions,
  register: (child: Child) => void,
): Promise<Child> {
  for (let attempt = 1; ; attempt++) {
    const child = run(options);
    register(child);
    const came = await untilReady(child, options.port);
    if (came === "ready") return child;
    const lines = child.lastLines();
    await child.stop();
    if (came !== "gone")
      throw new Error(`${came.wrong}\nThe secrets of this stack stand in ${secretsPath(options.state_dir)}.`);
    const collided = lines.some((line) => COLLISION.test(line));
    if (!collided || attempt === TRIES)
      throw new Error(`The Workers did not start. ${child.log_path} ends with:\n${lines.join("\n")}`);
    await pause(PAUSE_MS * (0.5 + Math.random()));
  }
}

function run({ state_dir, port, configs, onLine }: WorkersOptions): Child {
  const args = [
    ...configs.flatMap((path) => ["--config", path]),
    ...["--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0"],
    ...["--persist-to", dataDir(state_dir)],
    ...["--show-interactive-dev-session", "false"],
  ];
  return startChild({
    name: "the Workers",
    args: [wranglerPath, "dev", ...args],
    env: wranglerEnvironment(state_dir),
    cwd: join(dirname(configs[0] ?? state_dir), ".."),
    log_path: join(state_dir, "workers.log"),
    onLine,
  });
}

/** `gone` when it ended, met another on its address, or is not ready in time; `wrong` is what waiting does not mend. */
async function untilReady(child: Child, port: number): Promise<"ready" | "gone" | { wrong: string }> {
  const probe = async () => {
    if (child.hasEnded() || child.lastLines().some((line) => COLLISION.test(line))) return "gone";
    const response = await fetch(`http://127.0.0.1:${port}/readyz`);
    if (response.ok) {
      await response.body?.cancel();
      return "ready";
    }
    const { code, detail } = (await response.json()) as { code?: string; detail?: string };
    return code === "misconfigured" && { wrong: detail ?? code };
  };
  return until("ready", READY_MS, probe).catch(() => "gone");
}
