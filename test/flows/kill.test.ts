import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../scripts/api.ts";
import { readBooks } from "../../scripts/books.ts";
import { connectAccount } from "../../scripts/connect.ts";
import { pollHome, postTweet, type Caller, type Job } from "../../scripts/jobs.ts";
import { makeUser } from "../../scripts/tenant.ts";
import { until } from "../../scripts/wait.ts";
import { ownPorts, start, type Started } from "./started.ts";

const JOBS = 200;
const ACCOUNTS = 10;
/** The kill comes when so many are posted. */
const MIDDLE = 60;
/** A lease of 75 s is over after 7.5 s. */
const TIME_SCALE = "10";
const HOME_MS = 90_000;

let folder = "";
let running: Started | null = null;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kill-"));
});
afterAll(async () => {
  await running?.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

test("killed in the middle of 200 tweets and started again, it posts every one exactly once", async () => {
  const environment = { ...(await ownPorts()), TIME_SCALE };
  const first = await start(folder, environment);
  running = first;
  const { url, api_key, simulator_url } = first.local;
  const caller: Caller = { url, key: api_key };
  const accounts = await connectAll(caller, simulator_url);
  // Slow enough to be met in the middle.
  await ask(`${simulator_url}/_sim/settings`, { method: "PUT", body: { latency_ms: 100 } });

  const jobs = await hand(caller, accounts);
  await until("the middle", 30_000, async () => (await readBooks(simulator_url)).length >= MIDDLE);
  await first.end("SIGKILL");
  await until("nothing left", 3_000, async () => first.leftovers().length === 0);

  running = await start(folder, environment);
  const postedByThen = (await readBooks(simulator_url)).length;
  expect(postedByThen).toBeLessThan(JOBS);
  const ids = jobs.map(({ id }) => id);
  const home = await pollHome(caller, ids, HOME_MS);
  const books = await readBooks(simulator_url);
  const looked = home.filter(({ log }) => log.some(({ outcome }) => outcome === "crashed"));
  console.log(`${looked.length} of ${JOBS} were in flight at the kill and were looked for`);
  expect(home.map(({ state }) => state)).toEqual(ids.map(() => "succeeded"));
  // A lane has one job in flight at a time.
  expect(looked.length).toBeLessThanOrEqual(ACCOUNTS);

  const texts = books.map(({ text }) => text);
  expect(texts).toHaveLength(JOBS);
  expect(new Set(texts).size).toBe(JOBS);
  const posted = new Set(books.map(({ id }) => id));
  expect(home.filter(({ result }) => !posted.has(result?.tweet_id ?? ""))).toEqual([]);
  expect(new Set(home.map(({ result }) => result?.tweet_id)).size).toBe(JOBS);
});

async function connectAll({ url, key }: Caller, simulatorUrl: string): Promise<string[]> {
  const ids: string[] = [];
  for (let number = 1; number <= ACCOUNTS; number++) {
    const user = await makeUser(simulatorUrl, `killed_${number}`);
    ids.push(await connectAccount({ url, key, return_url: `${url}/` }, user));
  }
  return ids;
}

/** Hand over all tweets, those of an account one after the other. */
async function hand(caller: Caller, accounts: readonly string[]): Promise<Job[]> {
  const each = accounts.map(async (account, number) => {
    const jobs: Job[] = [];
    for (let index = 0; index < JOBS / ACCOUNTS; index++)
      jobs.push(await postTweet(caller, account, `tweet ${index} of account ${number}`));
    return jobs;
  });
  return (await Promise.all(each)).flat();
}
