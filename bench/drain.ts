/**
 * Tweets a second, end to end: jobs of many accounts that are all due at the same moment, through the real Workers and
 * queues, to a simulator that takes 20 ms to answer. Posted a second is counted at the simulator, from the first tweet to
 * the last. Once with the settings of `npm start`, once with the deployed ones, where a local queue still runs one turn at a
 * time. Accepts are single requests, beside a route that does nothing.
 *
 *   npm run bench drain [tweets] [accounts] [start | deployed]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../scripts/ports.ts";
import { startStack, type Running } from "../scripts/stack.ts";
import { acceptTweets, connectAccounts, postedTweets, rateOf, untilPosted, type Target } from "./load.ts";

const TWEETS = Number(process.argv[2] ?? 10_000);
const ACCOUNTS = Number(process.argv[3] ?? 1_000);
const X_LATENCY_MS = 20;
const WIDTH = 32;
/** Accepting them takes that long at worst, at 100 a second; they must not be due before. */
const HEAD_START_MS = (TWEETS / 100) * 1000;

const ONLY = process.argv[4];

if (ONLY !== "deployed") await measure("npm start: 100 lanes and 100 calls a turn, 8 turns at once", {});
if (ONLY !== "start")
  await measure("deployed: 10 lanes and 4 calls a turn, one turn at once", {
    batches: null,
    vars: { X_CONCURRENCY: "4", TURNS_IN_BACKGROUND: "0" },
  });

async function measure(
  name: string,
  settings: { batches?: null; vars?: Record<string, string> },
): Promise<void> {
  const state_dir = mkdtempSync(join(tmpdir(), "tap-drain-"));
  const [port = 0, simulator_port = 0] = await freePorts(2);
  const stack = startStack({ port, simulator_port, state_dir, admin_key: null, other_x: null, ...settings });
  try {
    await drain(name, await stack.ready);
  } finally {
    await stack.stop();
    rmSync(state_dir, { recursive: true, force: true });
  }
}

async function drain(name: string, running: Running): Promise<void> {
  const target: Target = { ...running, simulator_url: running.simulator_url ?? "" };
  await put(`${target.simulator_url}/_sim/settings`, { limits: "off", latency_ms: X_LATENCY_MS });
  const who = await connectAccounts(target, ACCOUNTS);
  const trivial = await rateOf(`${target.url}/healthz`, 2_000, WIDTH);
  const due = Date.now() + HEAD_START_MS;
  const accepted = await acceptTweets(target, who, TWEETS, WIDTH, new Date(due).toISOString());
  await untilPosted(target, TWEETS);
  const { median, whole } = await postedPerSecond(target);
  console.log(`${name}\n  ${TWEETS} tweets of ${ACCOUNTS} accounts, ${X_LATENCY_MS} ms at X`);
  console.log(`  posted/s    ${whole.toFixed(0)} over all, ${median.toFixed(0)} in the median tenth`);
  console.log(`  accepted/s  ${accepted.toFixed(0)}, beside ${trivial.toFixed(0)} of GET /healthz`);
}

/** From the simulator's books: over the whole run, and the median of its tenths. */
async function postedPerSecond(target: Target): Promise<{ whole: number; median: number }> {
  const times = (await postedTweets(target)).map((tweet) => tweet.created_at);
  times.sort((a, b) => a - b);
  const rate = (from: number, to: number) =>
    ((to - from) * 1000) / Math.max(1, (times[to - 1] ?? 0) - (times[from] ?? 0));
  const tenth = Math.floor(times.length / 10);
  const tenths = Array.from({ length: 10 }, (_, i) => rate(i * tenth, (i + 1) * tenth));
  if (process.env.TENTHS) console.log(`  tenths      ${tenths.map((one) => one.toFixed(0)).join(" ")}`);
  tenths.sort((a, b) => a - b);
  return { whole: rate(0, times.length), median: tenths[5] ?? 0 };
}

async function put(url: string, body: unknown): Promise<void> {
  const headers = { "content-type": "application/json" };
  await (await fetch(url, { method: "PUT", headers, body: JSON.stringify(body) })).arrayBuffer();
}
