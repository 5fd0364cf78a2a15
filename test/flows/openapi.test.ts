import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../../scripts/wrangler.ts";
import { byUs, byX, library } from "./library.ts";
import { createRig, type Account, type Rig } from "./rig.ts";

// The API as the Workers serve it, in the hands of other people's tools.

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

test("twitter-api-v2 reads from us what it reads from X, page by page", async () => {
  const reading = await rig.connect();
  const { access_token } = rig.simulator.createGrant({
    client_id: "app",
    user_id: reading.user_id,
    scopes: ["tweet.read", "tweet.write", "users.read"],
  });
  const authorization = `Bearer ${access_token}`;
  const { username } = await read(byX(rig.simulator), access_token, async (v2) => (await v2.me()).data);
  const ids: string[] = [];
  for (let i = 0; i < 12; i++) {
    const posted = await rig.simulator.fetch(
      new Request("https://x.test/2/tweets", {
        method: "POST",
        headers: { authorization, "content-type": "application/json" },
        body: JSON.stringify({ text: `no. ${i} to @${username}` }),
      }),
    );
    ids.push(((await posted.json()) as { data: { id: string } }).data.id);
  }
  const fields = { max_results: 5, "tweet.fields": "created_at,author_id", expansions: "author_id" };
  const everything = async (v2: Reader) => {
    const lists = [
      await v2.homeTimeline(fields),
      await v2.userTimeline(reading.user_id, fields),
      await v2.userMentionTimeline(reading.user_id, fields),
    ];
    const pages = [];
    for (const list of lists) {
      const tweets = [];
      for await (const tweet of list) tweets.push(tweet);
      pages.push({ tweets, authors: list.includes.users });
    }
    const [one = ""] = ids;
    return { me: await v2.me(), pages, one: await v2.singleTweet(one), some: await v2.tweets(ids) };
  };
  const ours = await read(byUs(rig.caller.url, reading.id), rig.caller.key, everything);
  const theirs = await read(byX(rig.simulator), access_token, everything);
  const [home, ...own] = ours.pages.map(({ tweets }) => tweets.map(({ id }) => id));
  // What others post is at home, too.
  expect(home?.slice(0, ids.length)).toEqual(ids.toReversed());
  expect(own).toEqual([ids.toReversed(), ids.toReversed()]);
  expect(ours).toEqual(theirs);
});

type Reader = Awaited<ReturnType<typeof library>>["reader"];

/** What the library makes of the answers. */
async function read<Value>(
  answering: Parameters<typeof library>[1],
  token: string,
  ask: (v2: Reader) => Promise<Value>,
): Promise<Value> {
  const { reader, close } = await library(token, answering);
  try {
    return await ask(reader);
  } finally {
    await close();
  }
}
