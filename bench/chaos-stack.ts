/**
 * Everything that can go wrong, on the real stack: what `npm start` runs, with a clock three times as fast. X acts and does not say so,
 * says 502 and 429; queues lose and double messages; D1 fails before and after commits; and all of it, the simulated X as well, is
 * ended by `kill -9` again and again, while a client hands its tweets over. At the end X's own books are compared with them.
 *
 * A seed fixes which tweet meets which fault, which moment of each life is its last, and the dice of each Worker. It does not fix
 * the order in which processes, timers and sockets take their turns: a run is like another of its seed, not the same.
 *
 *   npm run bench chaos-stack [tweets] [accounts] [kills] [seed]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "../scripts/api.ts";
import { readBooks } from "../scripts/books.ts";
import { connectAccount } from "../scripts/connect.ts";
import { hasEnded, pollHome, type Job } from "../scripts/jobs.ts";
import { table } from "../scripts/table.ts";
import { makeUser } from "../scripts/tenant.ts";
import { pause, until } from "../scripts/wait.ts";
import type { FaultRule } from "../simulator/simulator.ts";
import { handOver } from "../test/flows/hand.ts";
import { ownPorts, start, type Started } from "../test/flows/started.ts";
import { seeded } from "../test/support/seeded.ts";
import { faultBy, POSTS } from "../test/support/troubles.ts";
import { spread, verdictLines, verdictOf, waitsOf, type Fate } from "./verdict.ts";

const [TWEETS = 500, ACCOUNTS = 20, KILLS = 20, SEED = 1] = process.argv.slice(2).map(Number);
// A restart takes ten seconds of real time, in which nothing can be found out: as much time as that passes three times over.
const TIME_SCALE = 3;
/** Slow enough to be killed in the middle. */
const X_LATENCY_MS = 150;
/** A life lasts so long after it is ready, in real time. */
const [SHORTEST_LIFE_MS, LONGEST_LIFE_MS] = [2_000, 12_000];
const HOME_MS = 600_000;
const LEFT_MS = 5_000;
const TRIES = 5;
/** These two X acts on without saying so, and hides for longer than anybody looks. */
const HIDDEN = ["tweet 2 of account 0,", "tweet 2 of account 1,"];

/** A tweet to hand over, in which life, and what X does to its first post. */
type Plan = { account: number; text: string; life: number; fault: FaultRule["fault"] | null };

const chance = seeded(SEED);
const each = Math.ceil(TWEETS / ACCOUNTS);
const plans = Array.from({ length: TWEETS }, (_, index): Plan => {
  const [account, number] = [index % ACCOUNTS, Math.floor(index / ACCOUNTS)];
  const text = `tweet ${number} of account ${account}, seed ${SEED}`;
  const met = faultBy(chance);
  return {
    account,
    text,
    life: Math.floor((number * KILLS) / each),
    fault: isHidden(text) ? { kind: "drop", when: "after" } : met,
  };
});
const lasts = Array.from(
  { length: KILLS },
  () => SHORTEST_LIFE_MS + chance() * (LONGEST_LIFE_MS - SHORTEST_LIFE_MS),
);

const folder = mkdtempSync(join(tmpdir(), "tap-chaos-"));
const ports = await ownPorts();
const simulator = `http://127.0.0.1:${ports.SIMULATOR_PORT}`;
const began = performance.now();
let rules: FaultRule[] = plans.flatMap(({ text, fault }) =>
  fault ? [{ match: { ...POSTS, text }, times: 1, fault }] : [],
);
/** What X was asked and how it answered, as far as it was counted before each kill. */
const calls = new Map<string, number>();
const troubles = new Map<string, number>();
const kills: number[] = [];
let life = 0;
let running = null as Started | null;
try {
  await play();
} finally {
  await running?.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

async function play(): Promise<void> {
  running = await begin();
  const { url, api_key } = running.local;
  const caller = { url, key: api_key };
  const hide = HIDDEN.map((text) => ({ text, ms: 1_000_000_000_000 }));
  await ask(`${simulator}/_sim/settings`, {
    method: "PUT",
    body: { latency_ms: X_LATENCY_MS, limits: "off", hide },
  });
  const accounts = await connectAll(caller);
  const handing = Promise.all(
    accounts.map(async (id, account) => {
      const jobs: Job[] = [];
      for (const plan of plans.filter((one) => one.account === account)) {
        while (life < plan.life) await pause(50);
        jobs.push(await handOver(caller, id, plan.text));
      }
      return jobs;
    }),
  );
  for (const last_ms of lasts) {
    await pause(last_ms);
    await count(running);
    await running.end("SIGKILL");
    kills.push(scaledNow());
    const dead = running;
    await until("nothing left", LEFT_MS, async () => dead.leftovers().length === 0);
    running = await begin();
    life++;
    console.log(`killed ${life} times, ${(await readBooks(simulator)).length} tweets posted`);
  }
  const jobs = await handing;
  const texts = new Map(jobs.flatMap((some, account) => some.map(({ id }, i) => [id, textOf(account, i)])));
  const home = await pollHome(caller, [...texts.keys()], HOME_MS, isAtRest);
  await count(running);
  await report(home, texts);
}

/** Bring everything up. X's faults are there before the first Worker is. */
async function begin(): Promise<Started> {
  const environment = { ...ports, TIME_SCALE: String(TIME_SCALE), TROUBLE_SEED: String(SEED * 1_000 + life) };
  const [started] = await Promise.all([
    start(folder, environment, "bench/chaos-start.ts"),
    until("the simulator", 120_000, () =>
      ask(`${simulator}/_sim/faults`, { method: "PUT", body: { faults: rules } }),
    ),
  ]);
  return started;
}

async function connectAll(caller: { url: string; key: string }): Promise<string[]> {
  const ids: string[] = [];
  for (let number = 0; number < ACCOUNTS; number++) {
    const user = await makeUser(simulator, `chaos_${number}`);
    ids.push(await tried(() => connectAccount({ ...caller, return_url: `${caller.url}/` }, user)));
  }
  return ids;
}

/** A person whose connecting fails tries again. */
async function tried<Value>(act: () => Promise<Value>): Promise<Value> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (attempt === TRIES) throw error;
    }
  }
}

/** Take down what the simulator and the Workers will have forgotten after this life. */
async function count(started: Started): Promise<void> {
  type Rules = { faults: (FaultRule & { fired: number })[] };
  const { faults } = await ask<Rules>(`${simulator}/_sim/faults`);
  rules = faults
    .filter(({ fired }) => fired === 0)
    .map(({ match, times, fault }) => ({ match, times, fault }) as FaultRule);
  type Calls = { counts: Record<string, Record<string, number>> };
  const { counts } = await ask<Calls>(`${simulator}/_sim/calls`);
  for (const [name, statuses] of Object.entries(counts))
    for (const [status, times] of Object.entries(statuses)) add(calls, `${name} ${status}`, times);
  for (const [, trouble = ""] of started.output().matchAll(/"trouble":"([a-z ]+)"/g))
    add(troubles, trouble, 1);
}

function add(counts: Map<string, number>, name: string, more: number): void {
  counts.set(name, (counts.get(name) ?? 0) + more);
}

async function report(home: Job[], texts: Map<string, string>): Promise<void> {
  const fates = home.map((job) => fateOf(job, texts.get(job.id) ?? ""));
  const books = await readBooks(simulator);
  const verdict = verdictOf(fates, books, (text) => Number(/^tweet (\d+)/.exec(text)?.[1]), isHidden);
  const thrice = home.filter(({ state, log }) => state === "unknown" && crashesIn(log).length >= 3);
  const of = (counts: Map<string, number>) => (name: string) => counts.get(name) ?? 0;
  const [met, asked] = [of(troubles), of(calls)];
  console.log(
    `\nseed ${SEED}, ${KILLS} kills\n${table([
      ...verdictLines(verdict),
      ["unknown because it was in flight at three kills", thrice.length],
      ["from fault to truth, p50 and p95, simulated", spread(waitsOf(fates))],
      ["reads spent: looks at X", asked("GET /2/users/:id/tweets 200")],
      ["faults of X met", plans.filter(({ fault }) => fault).length - rules.length],
      ["second posts that X called duplicates", asked("POST /2/tweets 403")],
      ["messages lost, doubled", `${met("message lost")}, ${met("message doubled")}`],
      [
        "commits that failed, that were not answered",
        `${met("commit failed")}, ${met("commit not answered")}`,
      ],
      ["wall time", `${((performance.now() - began) / 1000).toFixed(0)} s`],
    ])}`,
  );
  for (const { state, is_at_rest, text } of fates)
    if (state !== "succeeded") console.log(`  ${is_at_rest ? state : `${state}, not at rest`}: ${text}`);
}

function fateOf(job: Job, text: string): Fate {
  const lost = job.log.filter(({ outcome }) => outcome === "lost").map(({ at }) => Date.parse(at));
  // A crash is written down by whoever finds it: it happened at the kill before.
  const crashed = crashesIn(job.log).map((at) => kills.findLast((kill) => kill < at) ?? at);
  const unclear_at = Math.min(...lost, ...crashed);
  return {
    text,
    state: job.state,
    is_at_rest: isAtRest(job),
    tweet_id: job.result?.tweet_id ?? null,
    finished_at: job.finished_at === null ? null : Date.parse(job.finished_at),
    unclear_at: unclear_at === Infinity ? null : unclear_at,
  };
}

function crashesIn(log: Job["log"]): number[] {
  return log.filter(({ outcome }) => outcome === "crashed").map(({ at }) => Date.parse(at));
}

/** It ended, or nobody but a person will find out. */
function isAtRest(job: Job): boolean {
  return hasEnded(job) || (job.state === "unknown" && job.next_attempt_at === null);
}

function textOf(account: number, number: number): string {
  return `tweet ${number} of account ${account}, seed ${SEED}`;
}

function isHidden(text: string): boolean {
  return HIDDEN.some((hidden) => text.includes(hidden));
}

/** The clock of a stack whose time is scaled. */
function scaledNow(): number {
  const epoch = Date.UTC(2026, 0, 1);
  return epoch + Math.round((Date.now() - epoch) * TIME_SCALE);
}
