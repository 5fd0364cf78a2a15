import { mkdtempSync, rmSync } from "node:fs";
import { request, type OutgoingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePorts } from "../../scripts/ports.ts";
import { startStack, type Running, type Stack } from "../../scripts/stack.ts";
import { makeClient } from "../../scripts/tenant.ts";

const MIB = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), "bodies-"));
let stack: Stack;
let running: Running;
let key: string;

beforeAll(async () => {
  const [port = 0, simulator_port = 0] = await freePorts(2);
  stack = startStack({ port, simulator_port, state_dir: folder, admin_key: null, other_x: null });
  running = await stack.ready;
  key = (await makeClient(running.url, running.admin_key, "Bodies")).api_key;
});

afterAll(async () => {
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
});

type Answer = { status: number; code: string };

/** Post over a socket of its own, a MiB at a time, and hear what comes back, also while sending. */
const post = (bytes: number, headers: OutgoingHttpHeaders): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(
      `${running.url}/v1/tweets`,
      {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
      },
      (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, code: (JSON.parse(text) as { code: string }).code });
        });
      },
    );
    sent.once("error", reject);
    for (let left = bytes; left > 0; left -= MIB) sent.write(Buffer.alloc(Math.min(left, MIB), "a"));
    sent.end();
  });

const TOO_LARGE: Answer = { status: 413, code: "body_too_large" };

test("over a socket, a body that says it is too big is refused", async () => {
  expect(await post(3 * MIB, { "content-length": 3 * MIB })).toEqual(TOO_LARGE);
});

test("over a socket, a chunked body that turns out too big is heard out, and refused", async () => {
  expect(await post(3 * MIB, {})).toEqual(TOO_LARGE);
  expect(await post(20 * MIB, {})).toEqual(TOO_LARGE);
});

test("a body of just the limit is read: it is no JSON", async () => {
  expect(await post(MIB, {})).toEqual({ status: 400, code: "not_json" });
});
