import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../../scripts/wrangler.ts";
import { createRig, type Account, type Rig } from "./rig.ts";

// The description as the Worker serves it, in the hands of other people's tools.

/** A program that knows nothing but the description. */
const CLIENT = `
import createClient from "openapi-fetch";
import type { paths } from "./api.d.ts";

const [baseUrl = "", key = "", account_id = "", text = ""] = process.argv.slice(2);
const api = createClient<paths>({ baseUrl, headers: { authorization: "Bearer " + key } });
const posted = await api.POST("/v1/tweets", { body: { account_id, text } });
if (!posted.data) throw new Error(posted.error.code);
if (!("id" in posted.data)) throw new Error("not taken");
const params = { path: { id: posted.data.id } };
const headers = { prefer: "wait=30" };
const job = await api.GET("/v1/jobs/{id}", { params, headers });
if (!job.data) throw new Error(job.error.code);
const { tweet_id } = job.data.result as { tweet_id: string };
const tweet = await api.GET("/v1/tweets/{x_id}", { params: { path: { x_id: tweet_id }, query: { account_id } } });
if (!tweet.data) throw new Error(tweet.error.code);
const { data } = tweet.data as { data: { text: string } };
console.log(JSON.stringify({ state: job.data.state, read: data.text }));
`;

let folder = "";
let rig: Rig;
let account: Account;
const tool = (path: string): string => join(root, "node_modules", path);
// Not in step: the Workers' way to X leads through this process.
const run = async (args: string[]): Promise<string> => {
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
  return (await promisify(execFile)(process.execPath, args, { cwd: folder, env })).stdout;
};

beforeAll(async () => {
  rig = await createRig();
  account = await rig.connect();
  folder = mkdtempSync(join(tmpdir(), "openapi-"));
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const description = await (await fetch(`${rig.caller.url}/openapi.json`)).text();
  writeFileSync(join(folder, "openapi.json"), description);
});
afterAll(async () => {
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});

test("it passes the recommended rules of a linter", async () => {
  writeFileSync(join(folder, "redocly.yaml"), "extends:\n  - recommended\n");
  const lines = await run([tool("@redocly/cli/bin/cli.js"), "lint", "openapi.json", "--format=json"]);
  const { totals } = JSON.parse(lines.slice(lines.indexOf("{"))) as { totals: { errors: number } };
  expect(totals.errors).toBe(0);
});

test("a client generated from it compiles, and posts, waits for and reads a tweet", async () => {
  await run([tool("openapi-typescript/bin/cli.js"), "openapi.json", "--output", "api.d.ts"]);
  writeFileSync(join(folder, "client.ts"), CLIENT);
  await run([
    tool("typescript/bin/tsc"),
    ...["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022"],
    ...["--types", "node", "--allowImportingTsExtensions", "client.ts"],
  ]);
  const { url, key } = rig.caller;
  const said = await run(["client.ts", url, key, account.id, "Call me Ishmael."]);
  expect(JSON.parse(said)).toMatchObject({ state: "succeeded", read: "Call me Ishmael." });
  expect(rig.texts(account)).toEqual(["Call me Ishmael."]);
});
