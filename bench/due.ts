/**
 * From due to posted: tweets of many accounts that are due one after the other, each at a second of its own, in real time on a
 * real local stack, to a simulator that takes 20 ms to answer. Posted is when the simulator has it. A thousand take 18 minutes.
 *
 *   npm run bench due [tweets] [ms between them] [accounts]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "../scripts/api.ts";
import { freePorts } from "../scripts/ports.ts";
import { startStack } from "../scripts/stack.ts";
import { percentile, table } from "../scripts/table.ts";
import { connectAccounts, postedTweets, untilPosted, type Target } from "./load.ts";

const TWEETS = Number(process.argv[2] ?? 1_000);
const EVERY_MS = Number(process.argv[3] ?? 1_000);
const ACCOUNTS = Number(process.argv[4] ?? 100);
const X_LATENCY_MS = 20;
/** The first is due when all are taken. */
const HEAD_START_MS = 20_000;

const state_dir = mkdtempSync(join(tmpdir(), "tap-due-"));
const [port = 0, simulator_port = 0] = await freePorts(2);
const stack = startStack({ port, simulator_port, state_dir, admin_key: null, other_x: null });
try {
  const running = await stack.ready;
  const target: Target = { ...running, simulator_url: running.simulator_url ?? "" };
  await ask(`${target.simulator_url}/_sim/settings`, {
    method: "PUT",
    body: { limits: "off", latency_ms: X_LATENCY_MS },
  });
  report(await lateness(target));
} finally {
  await stack.stop();
  rmSync(state_dir, { recursive: true, force: true });
}

/** Of each tweet: ms from due to posted. */
async function lateness(target: Target): Promise<number[]> {
  const { key, accounts } = await connectAccounts(target, ACCOUNTS);
  // Whole seconds, as people schedule; the steps may be finer.
  const first = Math.ceil((Date.now() + HEAD_START_MS) / 1000) * 1000;
  const items = Array.from({ length: TWEETS }, (_, n) => ({
    account_id: accounts[n % ACCOUNTS],
    text: `due ${first + n * EVERY_MS}`,
    run_at: new Date(first + n * EVERY_MS).toISOString(),
  }));
  await ask(`${target.url}/v1/batches`, { key, body: { items } });
  await untilPosted(target, TWEETS);
  return (await postedTweets(target)).map(({ text, created_at }) => created_at - Number(text.split(" ")[1]));
}

function report(late_ms: number[]): void {
  const at = (share: number) => `${percentile(late_ms, share).toFixed(0)} ms`;
  console.log(
    table([
      [`tweets due ${EVERY_MS} ms apart, of ${ACCOUNTS} accounts`, late_ms.length],
      ["before their time", late_ms.filter((late) => late < 0).length],
      ["from due to posted, p50", at(0.5)],
      ["  p99", at(0.99)],
      ["  the latest", at(1)],
    ]),
  );
}
