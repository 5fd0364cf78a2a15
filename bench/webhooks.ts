/**
 * How soon webhooks come, on what `npm start` runs. First many jobs end at once and one endpoint hears of all: from an ending to the
 * first attempt, and what an event costs in rows, by D1's own count. Then each event goes to a hundred endpoints: what the other
 * ninety feel when ten of them never answer.
 *
 *   npm run bench webhooks [endings] [events]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "../scripts/api.ts";
import { freePorts } from "../scripts/ports.ts";
import { startStack } from "../scripts/stack.ts";
import { percentile, table } from "../scripts/table.ts";
import { pause, until } from "../scripts/wait.ts";
import { hear, type Heard } from "./hear.ts";
import { connectAccounts } from "./load.ts";

const [ENDINGS = 1_000, EVENTS = 20] = process.argv.slice(2).map(Number);
const ACCOUNTS = 200;
const ENDPOINTS = 100;
const HANGING = 10;
const ROUNDS = 3;
/** Handing over takes that long at worst; the jobs must not be due before. */
const HEAD_START_MS = 8_000;
const COME_MS = 180_000;
/** Turns say what they cost when they are over. */
const QUIET_MS = 3_000;

let rows_written = 0;
const folder = mkdtempSync(join(tmpdir(), "tap-webhooks-"));
const [port = 0, simulator_port = 0] = await freePorts(2);
const stack = startStack({
  ...{ port, simulator_port, state_dir: folder, admin_key: null, other_x: null },
  onLine: (line) => {
    rows_written += Number(/"event":"turn.ended".*"rows_written":(\d+)/.exec(line)?.[1] ?? 0);
  },
});
const receiver = await hear();
try {
  const { url, simulator_url, admin_key } = await stack.ready;
  const simulator = simulator_url ?? "";
  await ask(`${simulator}/_sim/settings`, { method: "PUT", body: { limits: "off", latency_ms: 20 } });
  const who = await connectAccounts({ url, simulator_url: simulator, admin_key }, ACCOUNTS);
  await measure({ url, ...who });
} finally {
  await stack.stop();
  await receiver.close();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

type Caller = { url: string; key: string; accounts: string[] };

async function measure(caller: Caller): Promise<void> {
  const silent = await costOf(() => end(caller, ENDINGS, "nobody hears"));
  const one = await listenAt(caller, "one");
  let heard: Heard[] = [];
  const told = await costOf(async () => {
    await end(caller, ENDINGS, "one hears");
    heard = await come(ENDINGS);
  });
  console.log(
    `${ENDINGS} jobs of ${ACCOUNTS} accounts that are due at once, one endpoint\n${table([
      ["endings a second", rateOf(heard.map(({ ended_at }) => ended_at))],
      ["first attempts a second", rateOf(heard.map(({ at }) => at))],
      ["from ending to first attempt, p50, p99", spreadOf(heard)],
      ["rows written per delivered event", ((told - silent) / ENDINGS).toFixed(2)],
    ])}`,
  );
  await ask(`${caller.url}/v1/webhook-endpoints/${one}`, { method: "DELETE", key: caller.key });

  for (let number = 0; number < ENDPOINTS; number++) await listenAt(caller, `${number}`);
  const calm: Heard[] = [];
  const beside: Heard[] = [];
  for (let round = 0; round < ROUNDS; round++) calm.push(...(await fanOut(caller, `calm ${round}`, 0)));
  for (let round = 0; round < ROUNDS; round++)
    beside.push(...(await fanOut(caller, `hung ${round}`, HANGING)));
  const ratio = percentile(waitsOf(beside), 0.99) / percentile(waitsOf(calm), 0.99);
  console.log(
    `${ROUNDS} times ${EVENTS} events to ${ENDPOINTS} endpoints, of which ${HANGING} never answer: the others\n${table(
      [
        ["p50, p99 while all answer", spreadOf(calm)],
        ["p50, p99 while those hang", spreadOf(beside)],
        ["p99, one to the other", ratio.toFixed(2)],
      ],
    )}`,
  );
}

/** What is heard by those that always answer, of a burst of events. */
async function fanOut(caller: Caller, words: string, hanging: number): Promise<Heard[]> {
  receiver.hang((name) => Number(name) < hanging);
  await end(caller, EVENTS, words);
  const well = await come(EVENTS * (ENDPOINTS - HANGING), ({ name }) => Number(name) >= HANGING);
  await pause(QUIET_MS);
  return well;
}

/** Let so many jobs end at once. */
async function end({ url, key, accounts }: Caller, count: number, words: string): Promise<void> {
  const run_at = new Date(Date.now() + HEAD_START_MS).toISOString();
  const items = Array.from({ length: count }, (_, index) => ({
    account_id: accounts[index % accounts.length],
    text: `tweet ${index}: ${words}`,
    run_at,
  }));
  const { id } = await ask<{ id: string }>(`${url}/v1/batches`, { key, body: { items } });
  await until(
    "the end of all",
    COME_MS,
    async () => {
      const batch = await ask<{ state: string }>(`${url}/v1/batches/${id}`, { key });
      return batch.state === "completed";
    },
    500,
  );
}

/** Wait until so many first attempts of this kind have come, and take them. */
async function come(count: number, isOne: (heard: Heard) => boolean = () => true): Promise<Heard[]> {
  const found = () => receiver.heard().filter(isOne);
  await until("all first attempts", COME_MS, () => Promise.resolve(found().length >= count), 200);
  const heard = found();
  receiver.forget();
  return heard;
}

async function listenAt({ url, key }: Caller, name: string): Promise<string> {
  const body = { url: `${receiver.url}/${name}`, events: ["job.*"] };
  return (await ask<{ id: string }>(`${url}/v1/webhook-endpoints`, { key, body })).id;
}

async function costOf(act: () => Promise<void>): Promise<number> {
  const before = rows_written;
  await act();
  for (let seen = -1; seen !== rows_written;) {
    seen = rows_written;
    await pause(QUIET_MS);
  }
  return rows_written - before;
}

function waitsOf(heard: readonly Heard[]): number[] {
  return heard.map(({ at, ended_at }) => at - ended_at);
}

function spreadOf(heard: readonly Heard[]): string {
  const [half, most] = [0.5, 0.99].map((share) => percentile(waitsOf(heard), share));
  return `${half} ms, ${most} ms`;
}

/** How many of these moments fall into a second. */
function rateOf(times: readonly number[]): string {
  const span_ms = Math.max(...times) - Math.min(...times);
  return ((times.length * 1000) / Math.max(1, span_ms)).toFixed(0);
}
