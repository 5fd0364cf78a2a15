/**
 * Events to a receiver that refuses a fifth of what it is sent, leaves a fiftieth unanswered, and is itself killed and started again
 * twice, while the Workers are ended by `kill -9` five times: what `npm start` runs, with a clock ten times as fast. Each job fails
 * and, tried again, succeeds: two events each. At the end the receiver's book is compared with what was written.
 *
 * Pauses between attempts are those that everybody has, up to ten hours: between two lives of the Workers the clock is put forward
 * by more than the longest. When all has been handed over there are more such lives, until everything has come.
 *
 *   npm run bench webhooks-storm [events] [seed]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "../scripts/api.ts";
import { connectAccount } from "../scripts/connect.ts";
import type { Caller } from "../scripts/jobs.ts";
import { freePorts } from "../scripts/ports.ts";
import { table } from "../scripts/table.ts";
import { makeUser } from "../scripts/tenant.ts";
import { pause, until } from "../scripts/wait.ts";
import { listen } from "../test/flows/listening.ts";
import { ownPorts, start, type Started } from "../test/flows/started.ts";
import { readEvents, toldVerdict } from "../test/flows/told.ts";
import { tellTwice, untilCompleted, type Tweets } from "../test/flows/twice.ts";
import { seeded } from "../test/support/seeded.ts";

const [EVENTS = 5_000, SEED = 1] = process.argv.slice(2).map(Number);
const LIVES = 5;
/** Two events each. */
const JOBS = LIVES * Math.ceil(EVENTS / LIVES / 2);
/** In these the receiver is killed, too. */
const RECEIVER_DIES_IN = [1, 3];
const RECEIVER_IS_AWAY_MS = 1_000;
/** It dies in the middle: when so many events have come in that life. */
const SOME = Math.floor(JOBS / LIVES / 5);
const ACCOUNTS = 20;
const TIME_SCALE = 10;
const EPOCH_MS = Date.UTC(2026, 0, 1);
/** Longer than the longest pause between two attempts: ten hours, and a fifth of it. */
const AHEAD_MS = 13 * 3_600_000;
/** After the handing over a life lasts so long, in real time, before it is ended. */
const [SHORTEST_LIFE_MS, LONGEST_LIFE_MS] = [300, 3_000];
/** Nothing new has come for so long: the rest waits for its next attempt. */
const QUIET_MS = 8_000;
/** Events expire after seven days. */
const MOST_LIVES = 12;

const chance = seeded(SEED);
const folder = mkdtempSync(join(tmpdir(), "tap-storm-"));
const ports = await ownPorts();
const simulator = `http://127.0.0.1:${ports.SIMULATOR_PORT}`;
const [port = 0] = await freePorts(1);
const book = join(folder, "book.jsonl");
const listener = await listen({ port, book, seed: SEED, fails: 0.2, hangs: 0.02, most: Infinity });
const began = performance.now();
let running = null as Started | null;
let [lives, restarts] = [0, 0];
let scale = TIME_SCALE;
try {
  await storm();
} finally {
  await running?.end("SIGTERM");
  await listener.kill();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

async function storm(): Promise<void> {
  let started = await begin();
  const caller = { url: started.local.url, key: started.local.api_key };
  const body = { url: listener.url, events: ["job.*"] };
  const { secret } = await ask<{ secret: string }>(`${caller.url}/v1/webhook-endpoints`, { ...caller, body });
  await listener.tell({ secret });
  await ask(`${simulator}/_sim/settings`, { method: "PUT", body: { limits: "off" } });
  const accounts = await connectAll(caller);
  const batches: string[] = [];
  for (let life = 0; life < LIVES; life++) {
    batches.push(await tellTwice(caller, simulator, tweetsOf(life, accounts)));
    if (RECEIVER_DIES_IN.includes(life)) await restartListener();
    await pause(SHORTEST_LIFE_MS + chance() * (LONGEST_LIFE_MS - SHORTEST_LIFE_MS));
    console.log(`life ${lives}: ${listener.arrived()} events had come when it was killed`);
    started = await next(started);
  }
  let succeeded = 0;
  for (const id of batches) succeeded += await untilCompleted(caller, id);
  for (let written = 2 * JOBS; ;) {
    await untilQuiet(written);
    console.log(`life ${lives}: ${listener.arrived()} events have come`);
    if (listener.arrived() >= written || lives >= MOST_LIVES) break;
    started = await next(started);
    written = (await readEvents(caller)).length;
  }
  await report(caller, succeeded);
}

function tweetsOf(life: number, accounts: readonly string[]): Tweets {
  const words = `of life ${life}, seed ${SEED}`;
  const texts = new Map(
    Array.from({ length: JOBS / LIVES }, (_, index) => [
      `tweet ${index} ${words}`,
      accounts[index % ACCOUNTS] ?? "",
    ]),
  );
  return { words, texts };
}

async function begin(): Promise<Started> {
  await listener.tell({ scale });
  running = await start(folder, { ...ports, TIME_SCALE: String(scale) });
  lives++;
  return running;
}

/** End everything hard, put the clock forward and bring everything up again. */
async function next(dead: Started): Promise<Started> {
  await dead.end("SIGKILL");
  await until("nothing left", 5_000, () => Promise.resolve(dead.leftovers().length === 0));
  // Time is counted from its epoch: a little faster since then is so much later now.
  scale += AHEAD_MS / (Date.now() - EPOCH_MS);
  return begin();
}

async function restartListener(): Promise<void> {
  const before = listener.arrived();
  await until("something to come", 20_000, () => Promise.resolve(listener.arrived() > before + SOME));
  await listener.kill();
  await pause(RECEIVER_IS_AWAY_MS);
  await listener.restart();
  restarts++;
}

async function connectAll(caller: Caller): Promise<string[]> {
  const ids: string[] = [];
  for (let number = 0; number < ACCOUNTS; number++) {
    const user = await makeUser(simulator, `storm_${number}`);
    ids.push(await connectAccount({ ...caller, return_url: `${caller.url}/` }, user));
  }
  return ids;
}

/** Until all have come, or nothing new comes for a while. */
async function untilQuiet(all: number): Promise<void> {
  for (let [seen, since] = [-1, Date.now()]; ;) {
    const arrived = listener.arrived();
    if (arrived >= all || Date.now() - since > QUIET_MS) return;
    if (arrived > seen) [seen, since] = [arrived, Date.now()];
    await pause(200);
  }
}

async function report(caller: Caller, succeeded: number): Promise<void> {
  const verdict = toldVerdict(await readEvents(caller), listener.lines());
  console.log(
    `\nseed ${SEED}\n${table([
      ["jobs, of which succeeded at last", `${JOBS}, ${succeeded}`],
      ["times the Workers were killed, the receiver", `${lives - 1}, ${restarts}`],
      ["events written", verdict.written],
      ["events that came", verdict.arrived],
      ["lost", verdict.lost],
      ["under an id that no event has", verdict.strange],
      ["said something else when they came again", verdict.changed],
      ["not signed rightly", verdict.unsigned],
      ["jobs whose order `sequence` does not restore", verdict.unordered],
      ["came behind what was later", verdict.came_late],
      ["came more than once", verdict.again],
      ["wall time", `${((performance.now() - began) / 1000).toFixed(0)} s`],
    ])}`,
  );
  const bad = ["lost", "strange", "changed", "unsigned", "unordered"] as const;
  console.log(bad.some((name) => verdict[name] > 0) ? "\nNOT GOOD" : "\nGOOD: every event came");
}
