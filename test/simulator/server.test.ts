import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { serveSimulator, type Server } from "../../simulator/server.ts";

const scopes = ["tweet.read", "tweet.write", "users.read"];
const open: Server[] = [];
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "simulator-"));
});
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
  rmSync(folder, { recursive: true });
});

async function serve() {
  const server = await serveSimulator({ port: 0, statePath: join(folder, "journal") });
  open.push(server);
  return server;
}

function withUser({ simulator }: Server): string {
  simulator.createApp({ client_id: "open", redirect_uris: [] });
  const user = simulator.createUser({ username: "ada" });
  return simulator.createGrant({ client_id: "open", user_id: user.id, scopes }).access_token;
}

function post(url: string, token: string, text: string) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return fetch(`${url}/2/tweets`, { method: "POST", headers, body: JSON.stringify({ text }) });
}

test("a post over HTTP is answered with X's headers", async () => {
  const server = await serve();
  const reply = await post(server.url, withUser(server), "Grüße 🐱");
  expect(reply.status).toBe(201);
  expect(reply.headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(reply.headers.get("x-rate-limit-remaining")).toBe("99");
  expect(reply.headers.get("date")).toMatch(/GMT$/);
  expect(await reply.json()).toMatchObject({ data: { text: "Grüße 🐱" } });
});

test("after a hard end, tokens and posts are known again, even when the last line is torn", async () => {
  const first = await serve();
  const token = withUser(first);
  await post(first.url, token, "one");
  // Not closed: what was answered must already stand in the file.
  appendFileSync(join(folder, "journal"), '{"type":"tweet.created","twe');
  const second = await serve();
  expect((await post(second.url, token, "two")).status).toBe(201);
  const third = await serve();
  expect(third.simulator.tweets().map(({ text }) => text)).toEqual(["one", "two"]);
});

test("a dropped connection is seen as a failed fetch", async () => {
  const server = await serve();
  const token = withUser(server);
  server.simulator.setFaults([{ times: 1, fault: { kind: "drop", when: "after" } }]);
  await expect(post(server.url, token, "one")).rejects.toThrow();
  expect(server.simulator.tweets()).toHaveLength(1);
  expect((await post(server.url, token, "two")).status).toBe(201);
});

test("an empty answer of a status without a body is a whole answer", async () => {
  const server = await serve();
  expect((await fetch(`${server.url}/nothing`)).status).toBe(404);
  server.simulator.setFaults([{ fault: { kind: "empty", status: 204 } }]);
  expect((await fetch(`${server.url}/2/users/me`)).status).toBe(204);
});

test("run as a program, it says where it is and ends cleanly on SIGTERM", async () => {
  const child = spawn(process.execPath, ["simulator/server.ts", "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = new Promise((resolve) => child.once("exit", resolve));
  const line = await new Promise<string>((resolve) =>
    child.stdout.once("data", (data) => {
      resolve(String(data));
    }),
  );
  const { url } = JSON.parse(line) as { url: string };
  expect((await fetch(`${url}/_sim/calls`)).status).toBe(200);
  child.kill("SIGTERM");
  expect(await exit).toBe(0);
});
