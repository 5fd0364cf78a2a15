import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { pause } from "./wait.ts";

/** A program that runs as long as we do, and not longer. */
export type Child = {
  name: string;
  log_path: string;
  /** Resolves when it has ended, whoever wanted that. Never rejects. */
  ended: Promise<void>;
  hasEnded: () => boolean;
  /** What it ended with; null while it runs, or when a signal ended it. */
  exitCode: () => number | null;
  /** The last lines it wrote. */
  lastLines: () => string[];
  /** Ask it to end, insist after `POLITE_MS`, and wait until it and its children are gone. */
  stop: () => Promise<void>;
};

export type ChildOptions = {
  name: string;
  args: string[];
  env?: Record<string, string>;
  cwd: string;
  /** Everything it writes goes there; what an earlier run wrote is kept beside it as `.old`. */
  log_path: string;
  onLine?: (line: string) => void;
};

const POLITE_MS = 2_000;
const KEPT_LINES = 40;
const leash = join(import.meta.dirname, "leash.ts");

/** Start a Node program on a leash. */
export function startChild({ name, args, env, cwd, log_path, onLine }: ChildOptions): Child {
  mkdirSync(dirname(log_path), { recursive: true });
  if (existsSync(log_path)) renameSync(log_path, `${log_path}.old`);
  const log = createWriteStream(log_path, { mode: 0o600 });
  const process_ = spawn(process.execPath, [leash, process.execPath, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
    // The head of its own group: Ctrl-C in the terminal reaches us alone, and we end it in order.
    detached: true,
  });
  const last: string[] = [];
  const take = (line: string): void => {
    log.write(`${line}\n`);
    last.push(line);
    if (last.length > KEPT_LINES) last.shift();
    onLine?.(line);
  };
  for (const stream of [process_.stdout, process_.stderr]) createInterface(stream).on("line", take);

  let over = false;
  const ended = once(process_, "exit").then(
    () => {
      over = true;
      // Had only the leash died, what it held would go on.
      kill(process_.pid, "SIGKILL");
      log.end();
    },
    () => {
      over = true;
    },
  );
  return {
    name,
    log_path,
    ended,
    hasEnded: () => over,
    exitCode: () => process_.exitCode,
    lastLines: () => [...last],
    async stop() {
      if (over) return;
      process_.kill("SIGTERM");
      await Promise.race([ended, pause(POLITE_MS)]);
      kill(process_.pid, "SIGKILL");
      await ended;
    },
  };
}

function kill(group: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (group !== undefined) process.kill(-group, signal);
  } catch {
    // Gone already.
  }
}
