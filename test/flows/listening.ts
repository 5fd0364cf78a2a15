import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/wrangler.ts";

/** How a receiver behaves: which share of requests it refuses and leaves unanswered, and at most how many of an event. */
export type Listening = {
  port: number;
  book: string;
  seed: number;
  fails: number;
  hangs: number;
  most: number;
};

/** A line of its book: an event that it took, in the order in which they came. No id: it was not signed rightly. */
export type Line = { id: string | null; type: string; subject: string; sequence: number; hash: string };

export type Listener = Awaited<ReturnType<typeof listen>>;

/** A receiver in a process of its own, that can be killed and started again. Its book stays. */
export async function listen(listening: Listening) {
  let told = { secret: "", scale: 1 };
  let child = await begin(listening, told);
  return {
    url: `http://127.0.0.1:${listening.port}/hooks`,
    /** Tell it the secret, or how fast time passes. Resolves when it knows. */
    tell: async (news: Partial<typeof told>): Promise<void> => {
      told = { ...told, ...news };
      await say(child, told);
    },
    /** Kill it hard. */
    kill: async (): Promise<void> => {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
    restart: async (): Promise<void> => {
      child = await begin({ ...listening, seed: ++listening.seed }, told);
    },
    lines: () => readBook(listening.book),
    /** How many events it has, each counted once. */
    arrived: () => new Set(readBook(listening.book).flatMap(({ id }) => id ?? [])).size,
  };
}

async function begin(listening: Listening, told: object): Promise<ChildProcess> {
  const child = fork(join(root, "test/flows/listener.ts"), [JSON.stringify(listening)]);
  await once(child, "message");
  await say(child, told);
  return child;
}

async function say(child: ChildProcess, told: object): Promise<void> {
  child.send(told);
  await once(child, "message");
}

const readBook = (path: string): Line[] =>
  existsSync(path)
    ? readFileSync(path, "utf8")
        .split("\n")
        .flatMap((line) => (line.endsWith("}") ? [JSON.parse(line) as Line] : []))
    : [];
