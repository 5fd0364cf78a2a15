import { spawn } from "node:child_process";

/**
 * `node leash.ts <program> <arguments…>`: run a program that ends when the process that started this one does, however hard
 * that was. The pipe on standard input is the leash: the system closes it when its holder dies. Started as the head of a
 * process group of its own, so that the program's own children (wrangler's workerd) end with it.
 */
const [program = "", ...args] = process.argv.slice(2);

const endGroup = (): void => {
  process.kill(-process.pid, "SIGKILL");
};

const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"] });
child.once("error", endGroup);
child.once("exit", (code) => {
  // Reaches us as well, who have a handler for it.
  process.kill(-process.pid, "SIGTERM");
  process.exit(code ?? 1);
});

process.stdin.once("close", endGroup);
process.stdin.resume();
// Asked politely, the program may finish what it does; its exit ends the rest.
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
  process.on(signal, () => {
    child.kill("SIGTERM");
  });
