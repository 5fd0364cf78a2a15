import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../scripts/api.ts";
import type { Caller } from "../../scripts/jobs.ts";
import { freePorts } from "../../scripts/ports.ts";
import { until } from "../../scripts/wait.ts";
import { listen, type Listener } from "./listening.ts";
import { ownPorts, start, type Started } from "./started.ts";
import { readEvents, toldVerdict } from "./told.ts";
import { tellTwice, untilCompleted } from "./twice.ts";

const JOBS = 30;
/** The kill comes when so many of the 60 events have come. */
const MIDDLE = 35;
/** A lease of 60 s is over after 6 s, an answer is waited for 1.5 s, and the first pause is half a second. */
const TIME_SCALE = 10;
const TOLD_MS = 60_000;

let folder = "";
let running: Started | null = null;
let listener: Listener | null = null;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "told-"));
});
afterAll(async () => {
  await running?.end("SIGTERM");
  await listener?.kill();
  rmSync(folder, { recursive: true, force: true });
});

test("every event comes, signed and under its one id, though the receiver fails and hangs and the Workers are killed", async () => {
  const environment = { ...(await ownPorts()), TIME_SCALE: String(TIME_SCALE) };
  const [port = 0] = await freePorts(1);
  const book = join(folder, "book.jsonl");
  listener = await listen({ port, book, seed: 7, fails: 0.2, hangs: 0.05, most: 1 });
  const { arrived, url: receiver, lines, tell } = listener;
  const first = await start(folder, environment);
  running = first;
  const { url, api_key, account_id, simulator_url } = first.local;
  const caller: Caller = { url, key: api_key };
  const body = { url: receiver, events: ["job.*"] };
  const { secret } = await ask<{ secret: string }>(`${url}/v1/webhook-endpoints`, { key: api_key, body });
  await tell({ secret, scale: TIME_SCALE });

  const texts = new Map(Array.from({ length: JOBS }, (_, index) => [`tweet ${index}`, account_id]));
  const batch = await tellTwice(caller, simulator_url, { words: "tweet", texts });
  await until("the middle", TOLD_MS, () => Promise.resolve(arrived() >= MIDDLE));
  await first.end("SIGKILL");
  await until("nothing left", 3_000, () => Promise.resolve(first.leftovers().length === 0));
  const before = arrived();

  running = await start(folder, environment);
  expect(await untilCompleted(caller, batch)).toBe(JOBS);
  await until("all to be told", TOLD_MS, () => Promise.resolve(arrived() >= 2 * JOBS));
  expect(before).toBeLessThan(2 * JOBS);
  const { again, came_late, ...verdict } = toldVerdict(await readEvents(caller), lines());
  console.log(`${before} had come at the kill, ${again} came again, ${came_late} behind what was later`);
  expect(verdict).toEqual({
    written: 2 * JOBS,
    arrived: 2 * JOBS,
    lost: 0,
    strange: 0,
    changed: 0,
    unsigned: 0,
    unordered: 0,
  });
});
