import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { Dropped, makeCall, type Call } from "./exchange.ts";
import { createSimulator, type Simulator, type SimulatorOptions } from "./simulator.ts";

const newline = 0x0a;
// Far above a segment of 8 MB in base64: whoever sends more has lost the thread.
const longest_body = 64 * 1024 * 1024;

/** Where to listen, and where the journal stands: `port` 0 takes a free one, no `statePath` keeps nothing. */
export type ServerOptions = Omit<SimulatorOptions, "journal"> & {
  port: number;
  host?: string;
  statePath?: string;
};
export type Server = { url: string; port: number; simulator: Simulator; close: () => Promise<void> };

/** Serve a simulator over HTTP; what its journal holds from before is known again. */
export async function serveSimulator({
  port,
  host = "127.0.0.1",
  statePath,
  ...options
}: ServerOptions): Promise<Server> {
  const journal = statePath === undefined ? null : openJournal(statePath);
  const simulator = createSimulator({ ...options, ...(journal && { journal: journal.write }) });
  if (journal) simulator.replay(journal.before);

  const server = createServer({ keepAlive: true, keepAliveTimeout: 60_000 }, (request, response) => {
    void answer(simulator, request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://${host}:${bound}`,
    port: bound,
    simulator,
    async close() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      journal?.close();
    },
  };
}

// Line by line: with uploads in it, a journal can be longer than a string may be.
function* linesOf(bytes: Buffer) {
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(newline, at);
    yield bytes.toString("utf8", at, end < 0 ? bytes.length : end);
    at = end < 0 ? bytes.length : end + 1;
  }
}

// Written at once, so that a process killed hard has lost nothing it answered for.
function openJournal(path: string) {
  const before = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  const file = openSync(path, "a", 0o600);
  // A torn last line must not swallow the next one.
  if (before.length > 0 && before.at(-1) !== newline) writeSync(file, "\n");
  return {
    before: linesOf(before),
    write: (line: string) => {
      writeSync(file, `${line}\n`);
    },
    close: () => {
      closeSync(file);
    },
  };
}

async function answer(simulator: Simulator, request: IncomingMessage, response: ServerResponse) {
  response.sendDate = false;
  try {
    const { status, headers, body } = await simulator.handle(await callOf(request));
    const text = body ?? "";
    response.writeHead(status, {
      ...headers,
      ...(status !== 204 && { "content-length": Buffer.byteLength(text) }),
    });
    response.end(text);
  } catch (error) {
    if (!(error instanceof Dropped)) console.error(error);
    request.socket.destroy();
  }
}

async function callOf(request: IncomingMessage): Promise<Call> {
  const chunks: Buffer[] = [];
  const { method = "GET", url = "/", headers } = request;
  let size = 0;
  if (method !== "GET") {
    for await (const chunk of request) {
      size += (chunk as Buffer).length;
      if (size > longest_body) throw new Dropped();
      chunks.push(chunk as Buffer);
    }
  }
  const body = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
  const header = (name: string) => {
    const value = headers[name];
    return typeof value === "string" ? value : null;
  };
  return makeCall(method, url, header, body as Uint8Array<ArrayBuffer>);
}

// Faster time starts at an agreed moment, so that whoever is given the same scale reads the same clock.
const scale_epoch_ms = Date.UTC(2026, 0, 1);
const scaledNow = (scale: number) => () => scale_epoch_ms + Math.round((Date.now() - scale_epoch_ms) * scale);

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8788" },
      state: { type: "string" },
      "time-scale": { type: "string", default: "1" },
    },
  });
  const { state } = values;
  const scale = Number(values["time-scale"]);
  const server = await serveSimulator({
    port: Number(values.port),
    ...(state !== undefined && { statePath: state }),
    ...(scale !== 1 && { now: scaledNow(scale) }),
  });
  // Answers that still hang must not keep the process.
  const end = () => void server.close().then(() => process.exit(0));
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
  console.log(JSON.stringify({ url: server.url }));
}
