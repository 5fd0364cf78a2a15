/**
 * One file through both halves on a real local stack: in by tus, in pieces of 8 MiB as one client sends them one after the other, and out
 * to the simulator. Beside it the same pieces as plain copies through the same Worker into the same bucket: what comes in is to take at most
 * 1.25 of their time, and both halves together to write at most 2 rows for each segment of 4 MiB. Memory is that of the isolates of
 * the producer and of the consumer of media, as V8 counts it, above what they had when idle; and beside it that of the whole workerd, in which
 * also the local D1, R2 and queues live. `collected` counts only what is in use: it collects garbage before each look, and is slow.
 *
 *   npm run bench media [MiB] [ms that X takes for an answer] [collected]
 */
import { createHash } from "node:crypto";
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { ask } from "../scripts/api.ts";
import { connectAccount } from "../scripts/connect.ts";
import type { Caller } from "../scripts/jobs.ts";
import { movie } from "../scripts/movie.ts";
import { freePorts } from "../scripts/ports.ts";
import { startStack, type Running } from "../scripts/stack.ts";
import { table } from "../scripts/table.ts";
import { makeClient, makeUser } from "../scripts/tenant.ts";
import { setValue, valueOf } from "../scripts/toml.ts";
import { readMedium, sendFile } from "../scripts/uploading.ts";
import { until } from "../scripts/wait.ts";
import { root } from "../scripts/wrangler.ts";
import { COPY_PATH, type Counted } from "./counting.ts";
import { INSPECTED } from "./inspector.ts";
import { watchIsolates } from "./isolates.ts";
import { residentBytes, timed } from "./resident.ts";

const MIB = 1024 * 1024;
const SIZE = Number(process.argv[2] ?? 512) * MIB;
const X_LATENCY_MS = Number(process.argv[3] ?? 0);
const PIECE = 8 * MIB;
const SEGMENT = 4 * MIB;
/** What comes first finds cold caches. */
const WARM_UP = 32 * MIB;
const LOOK_MS = 50;
/** The Workers whose isolates are watched. */
const WATCHED = ["producer", "media"];
const COLLECTING = process.argv[4] === "collected";

Object.assign(process.env, INSPECTED);
const state_dir = mkdtempSync(join(tmpdir(), "tap-media-"));
const [port = 0, simulator_port = 0] = await freePorts(2);
const told: Counted[] = [];
/** When a turn of the sending was over. */
const turns: number[] = [];
const stack = startStack({
  port,
  simulator_port,
  state_dir,
  admin_key: null,
  other_x: null,
  onConfigs: (configs) => {
    for (const path of configs) if (/producer|media/.test(basename(dirname(path)))) countIn(path);
  },
  onLine: (line) => {
    const json = /\{"event":"bench\..*\}/.exec(line)?.[0];
    if (json) told.push(JSON.parse(json) as Counted);
    if (/"event":"job\.settled".*"lane":"media:/.test(line)) turns.push(performance.now());
  },
});
try {
  await measure(await stack.ready);
} finally {
  await stack.stop();
  rmSync(state_dir, { recursive: true, force: true });
}
process.exit(0);

/** Let a Worker count. */
function countIn(config: string): void {
  const name = basename(dirname(config));
  const toml = readFileSync(config, "utf8");
  const main = join(dirname(config), "counting.ts");
  writeFileSync(
    main,
    `import worker from ${JSON.stringify(valueOf(toml, "", "main"))};\n` +
      `import { countingWorker } from ${JSON.stringify(join(root, "bench/counting.ts"))};\n` +
      `export default countingWorker(${JSON.stringify(name)}, worker);\n`,
  );
  writeFileSync(config, setValue(toml, "", "main", main));
}

async function measure({ url, simulator_url, admin_key }: Running): Promise<void> {
  const simulator = simulator_url ?? "";
  const settings = { limits: "off", media_processing_ms: 0, latency_ms: X_LATENCY_MS };
  await ask(`${simulator}/_sim/settings`, { method: "PUT", body: settings });
  const { api_key } = await makeClient(url, admin_key, "bench");
  const caller: Caller = { url, key: api_key };
  const user = await makeUser(simulator, "bench");
  const account_id = await connectAccount({ ...caller, return_url: `${url}/` }, user);
  const film = movie(SIZE);
  const path = join(state_dir, "film.mp4");
  writeFileSync(path, film);
  await bringIn(caller, account_id, movie(WARM_UP));

  const idle = residentBytes(state_dir);
  told.length = 0;
  const isolates = await watchIsolates(state_dir, WATCHED, COLLECTING);
  const watched = <Value>(act: () => Promise<Value>) => isolates.during(() => timed(state_dir, act));
  const { came: received, above: aboveIn } = await watched(() => bringIn(caller, account_id, film));
  const counted = { rows: rowsOf("producer"), calls: callsOf("producer") };
  const { came: byClient, above: aboveClient } = await watched(() =>
    sendFile(caller, createReadStream(path), { size: SIZE, metadata: { account_id, send: "later" } }),
  );
  told.length = 0;
  turns.splice(0, Infinity, performance.now());
  const { came: sent, above: aboveOut } = await watched(() => bringOut(caller, account_id, received.came.id));
  isolates.close();
  const { media } = await ask<{ media: { sha256: string | null }[] }>(`${simulator}/_sim/media`);
  const sum = createHash("sha256").update(film).digest("hex");
  if (!media.some(({ sha256 }) => sha256 === sum)) throw new Error("other bytes arrived at X");

  const { in_ms, copies_ms } = received.came;
  const above = (bytes: number) =>
    `${((bytes - idle) / MIB).toFixed(0)} MiB above ${(idle / MIB).toFixed(0)}`;
  const rows = (name: string, { written, read }: { written: number; read: number }) =>
    [
      `D1 rows ${name}`,
      `${written} written (${(written / Math.ceil(SIZE / SEGMENT)).toFixed(2)} a segment of 4 MiB), ${read} read`,
    ] as const;
  console.log(
    table([
      [`a film of ${SIZE / MIB} MiB`, `in pieces of ${PIECE / MIB} MiB`],
      ["plain copies of them", rateOf(copies_ms)],
      ["in, turn by turn with them", `${rateOf(in_ms)}, ${(in_ms / copies_ms).toFixed(2)} of their time`],
      ["in, by tus-js-client", rateOf(byClient.ms)],
      ["out", `${rateOf(sent.ms)}, X takes ${X_LATENCY_MS} ms for an answer`],
      ["turns of it", `${turns.length - 1}, the longest ${longestTurn().toFixed(0)} s`],
      ["isolates, in and copies", isolatesAbove(aboveIn)],
      ["isolates, in by tus-js-client", isolatesAbove(aboveClient)],
      ["isolates, out", isolatesAbove(aboveOut)],
      ["whole workerd, in and copies", above(received.peak)],
      ["whole workerd, out", above(sent.peak)],
      ["R2 calls in, out", `${counted.calls}, ${callsOf("media")}`],
      rows("in", counted.rows),
      rows("out", rowsOf("media")),
    ]),
  );
}

function isolatesAbove(above: readonly number[]): string {
  return `${above.map((bytes, index) => `${WATCHED[index]} ${(bytes / MIB).toFixed(1)}`).join(", ")} MiB above idle`;
}

function rateOf(ms: number): string {
  return `${(SIZE / 1e6 / (ms / 1000)).toFixed(0)} MB/s`;
}

/** From the end of one to that of the next: what lies between them is in it. */
function longestTurn(): number {
  return Math.max(0, ...turns.slice(1).map((end, index) => (end - (turns[index] ?? end)) / 1000));
}

type BroughtIn = { id: string; in_ms: number; copies_ms: number };

/**
 * By tus, as a client does that needs nothing but the protocol. Each piece is copied, too, right before: both meet the same machine, which
 * may be busy.
 */
async function bringIn(
  { url, key }: Caller,
  account: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<BroughtIn> {
  const headers = { authorization: `Bearer ${key}`, "tus-resumable": "1.0.0" };
  const fields = { account_id: account, filetype: "video/mp4", send: "later" };
  const pairs = Object.entries(fields).map(([name, value]) => `${name} ${btoa(value)}`);
  const begin = { "upload-length": String(bytes.length), "upload-metadata": pairs.join(",") };
  const begun = await answered(
    fetch(`${url}/v1/uploads`, { method: "POST", headers: { ...headers, ...begin } }),
  );
  const location = begun.headers.get("location") ?? "";
  const id = location.split("/").at(-1) ?? "";
  let [in_ms, copies_ms] = [0, 0];
  for (let at = 0; at < bytes.length; at += PIECE) {
    const body = bytes.subarray(at, at + PIECE);
    const piece = { "content-type": "application/offset+octet-stream", "upload-offset": String(at) };
    const began = performance.now();
    await answered(fetch(`${url}${COPY_PATH}${id}/${at}`, { method: "PUT", body }));
    const copied = performance.now();
    await answered(fetch(url + location, { method: "PATCH", headers: { ...headers, ...piece }, body }));
    in_ms += performance.now() - copied;
    copies_ms += copied - began;
  }
  return { id, in_ms, copies_ms };
}

async function answered(response: Promise<Response>): Promise<Response> {
  const came = await response;
  if (!came.ok) throw new Error(`${came.status} ${await came.text()}`);
  await came.arrayBuffer();
  return came;
}

/** Have it sent to X, and wait until X has it. */
async function bringOut(caller: Caller, account_id: string, media_id: string): Promise<void> {
  const { url, key } = caller;
  await ask(`${url}/v1/jobs`, { key, body: { kind: "media.upload", params: { account_id, media_id } } });
  await until(
    "X has the film",
    600_000,
    async () => {
      const { state, error } = await readMedium(caller, media_id);
      if (state === "failed") throw new Error(JSON.stringify(error));
      return state === "ready";
    },
    LOOK_MS,
  );
}

function rowsOf(name: string): { written: number; read: number } {
  const rows = told.flatMap((one) => (one.event === "bench.d1" && one.worker === name ? [one] : []));
  return {
    written: rows.reduce((sum, { written }) => sum + written, 0),
    read: rows.reduce((sum, { read }) => sum + read, 0),
  };
}

function callsOf(name: string): string {
  const calls = told.flatMap((one) => (one.event === "bench.r2" && one.worker === name ? [one.call] : []));
  const counts = [...Map.groupBy(calls, (call) => call)].map(([call, some]) => `${some.length} ${call}`);
  return counts.join(" ") || "none";
}
