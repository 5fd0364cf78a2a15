import { execFileSync } from "node:child_process";
import { connect, createServer, type AddressInfo } from "node:net";
import { until } from "./wait.ts";

/** As many free ports of this machine, all different. Somebody else may take one before it is used. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(0, "127.0.0.1", resolve);
      });
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Whether something answers on a port of this machine. */
export const isTaken = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const say = (taken: boolean) => () => {
      socket.destroy();
      resolve(taken);
    };
    socket.once("connect", say(true));
    socket.once("error", say(false));
  });

/**
 * Wait for a port to be free, as long as an earlier stack that was killed may need to end. Throws a sentence that names who
 * holds it; `variable` is the setting that chooses another.
 */
export async function untilFree(port: number, variable: string, ms: number): Promise<void> {
  await until("free", ms, async () => !(await isTaken(port))).catch(() => {
    const holder = holderOf(port);
    const who = holder
      ? `by ${holder.name} (pid ${holder.pid}). Is it left over? End it: kill ${holder.pid}.`
      : "by a process that is not ours to see.";
    throw new Error(`Port ${port} is taken ${who} Another port is chosen with ${variable}=…`);
  });
}

/** Who listens on a port, where `lsof` or `ss` can tell. */
function holderOf(port: number): { name: string; pid: number } | null {
  const lsof = output("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"]);
  const [, pid, name] = /^p(\d+)\n(?:.*\n)*?c(.+)$/m.exec(lsof) ?? [];
  if (pid && name) return { name, pid: Number(pid) };
  const ss = output("ss", ["-ltnpH", `sport = :${port}`]);
  const found = /users:\(\("([^"]+)",pid=(\d+)/.exec(ss);
  return found ? { name: found[1] ?? "", pid: Number(found[2]) } : null;
}

function output(program: string, args: string[]): string {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return "";
  }
}
