import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { walk } from "./demo-walk.ts";
import { freePorts } from "./ports.ts";
import { untilAsked } from "./signals.ts";
import { startStack } from "./stack.ts";
import { createTally } from "./tally.ts";

const ASKED = 130;

/** `npm run demo`: a stack of its own, tweets through it, and what X has of them. Exits 0 only if all of it is true. */
async function main(): Promise<number> {
  const asked = untilAsked().then(() => ASKED);
  const state_dir = mkdtempSync(join(tmpdir(), "twitter-api-proxy-demo-"));
  const [port = 0, simulator_port = 0] = await freePorts(2);
  const tally = createTally();
  const stack = startStack({
    port,
    simulator_port,
    state_dir,
    admin_key: null,
    other_x: null,
    onLine: tally.hear,
  });
  try {
    console.log("Starting the Workers and a simulated X …");
    return await Promise.race([asked, stack.ready.then((running) => walk(running, tally)), stack.broken]);
  } finally {
    await stack.stop();
    rmSync(state_dir, { recursive: true, force: true });
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
