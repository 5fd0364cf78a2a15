import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { until } from "../scripts/wait.ts";
import { workerdPids } from "./resident.ts";

/**
 * The environment in which wrangler leaves the Workers' inspectors to us. It has a debugger of its own on them, and workerd sends
 * away who was there before; only in the terminal of an editor, whose debugger is the one, it does without.
 */
export const INSPECTED = { VSCODE_INSPECTOR_OPTIONS: "{}" };

/** A connection to the inspector of one Worker. */
export type Session = {
  /** Call a method that workerd knows: to others it never answers. Rejects when the connection ends. */
  call<Result>(method: string): Promise<Result>;
  close(): void;
};

type Target = { id: string; webSocketDebuggerUrl: string };

const FOUND_WITHIN_MS = 10_000;
const LISTENING = "0A";

/** Connect to the inspector of a Worker of a stack. workerd speaks the protocol of V8. */
export async function inspect(state_dir: string, name: string): Promise<Session> {
  const url = await until(`the inspector of ${name}`, FOUND_WITHIN_MS, () => urlOf(state_dir, name));
  const socket = new WebSocket(url);
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let count = 0;
  socket.addEventListener("message", ({ data }) => {
    const { id = 0, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
    // A heap snapshot comes in many messages without a result before the one with it.
    waiting.get(id)?.resolve(result);
    waiting.delete(id);
  });
  const opened = Promise.withResolvers<unknown>();
  socket.addEventListener("open", opened.resolve);
  const closed = (): Error => new Error(`the inspector of ${name} is closed`);
  socket.addEventListener("close", () => {
    for (const { reject } of [opened, ...waiting.values()]) reject(closed());
  });
  await opened.promise;
  return {
    call<Result>(method: string) {
      if (socket.readyState !== WebSocket.OPEN) return Promise.reject(closed());
      const answer = Promise.withResolvers<unknown>();
      waiting.set(++count, answer);
      socket.send(JSON.stringify({ id: count, method }));
      return answer.promise as Promise<Result>;
    },
    close: () => {
      socket.close();
    },
  };
}

/** Its port is any that was free: each that the process listens on is asked. */
async function urlOf(state_dir: string, name: string): Promise<string | undefined> {
  const ports = workerdPids(state_dir).flatMap(portsOf);
  const targets = (await Promise.all(ports.map(targetsAt))).flat();
  return targets.find(({ id }) => id === `core:user:tap-${name}`)?.webSocketDebuggerUrl;
}

/** The ports that a process listens on. */
function portsOf(pid: string): number[] {
  const sockets = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => socketOf(`/proc/${pid}/fd/${fd}`));
  return readFileSync(`/proc/${pid}/net/tcp`, "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[3] === LISTENING && sockets.includes(columns[9] ?? ""))
    .map(([, address = ""]) => Number.parseInt(address.split(":")[1] ?? "", 16));
}

/** The number of a socket, if a descriptor is one. It may be closed by now. */
function socketOf(path: string): string[] {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.slice(1) ?? [];
  } catch {
    return [];
  }
}

/** What an inspector has; nothing when something else listens there. */
async function targetsAt(port: number): Promise<Target[]> {
  try {
    const json: unknown = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
    return Array.isArray(json) ? (json as Target[]) : [];
  } catch {
    return [];
  }
}
