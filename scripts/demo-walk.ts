import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readBooks } from "./books.ts";
import { beginConnect, followConnect } from "./connect.ts";
import { readCsv } from "./csv.ts";
import { postThroughRefresh } from "./demo-refresh.ts";
import { sendFilm } from "./demo-media.ts";
import { checkTold, listen } from "./demo-webhooks.ts";
import { deleteTweet, pollHome, postTweet, untilSucceeded, type Caller, type Job } from "./jobs.ts";
import type { Running } from "./stack.ts";
import { percentile, table } from "./table.ts";
import type { Tally } from "./tally.ts";
import { makeClient, makeUser } from "./tenant.ts";
import { flawsOf, type Expected } from "./verify.ts";

const ACCOUNTS = 10;
const BULK_MS = 120_000;

type Account = { id: string; user_id: string };
type Done = Expected & { job: Job };

/** Walk through what a client does, then look at X whether it is so. Returns the exit code. */
export async function walk(running: Running, tally: Tally): Promise<number> {
  const { url, simulator_url, admin_key, restart } = running;
  if (simulator_url === null) throw new Error("the demo needs the simulator");
  const began = Date.now();
  const client = await makeClient(url, admin_key, "Demo");
  const caller = { url, key: client.api_key };

  const accounts = await connectAll(caller, simulator_url);
  step(`Connected ${accounts.length} accounts, each by the consent page of X`);
  const receiver = await listen(caller);
  step(`A receiver listens at ${receiver.url}, and turns the first two events away`);
  const singles = await postSingles(caller, accounts);
  const before = await tally.rowsWritten();
  const bulk = await postBulk(caller, accounts);
  const written = (await tally.rowsWritten()) - before;

  const { done: after, refreshes } = await postThroughRefresh(caller, simulator_url, accountAt(accounts, 9));
  step(
    `X refused the token of an account with ${after.length} tweets due: refreshed ${refreshes} time, all posted`,
  );

  const books = await readBooks(simulator_url);
  const done = [...singles, ...bulk, ...after];
  const flaws = [...unsuccessful(done), ...flawsOf(done, books)];
  const told = await checkTold(
    receiver,
    done.map(({ job }) => job),
  );
  step(
    `Told of ${receiver.events.size} endings in ${receiver.counts.requests} signed requests, ${receiver.counts.refused} of them refused`,
  );
  await receiver.close();
  flaws.push(...told);
  const film = await sendFilm(caller, simulator_url, accountAt(accounts, 0).id, restart);
  step(
    `Sent a film of 64 MiB through, broken off twice by its client and once by stopping the Workers, and posted it`,
  );
  flaws.push(...film.flaws);
  if (refreshes !== 1) flaws.push(`the expired token was refreshed ${refreshes} times`);
  const created = new Map(books.map((one) => [one.id, one.created_at]));
  const waits = bulk.map(
    ({ job }) => (created.get(job.result?.tweet_id ?? "") ?? NaN) - Date.parse(job.created_at),
  );
  const all = [
    ["accepted", done.length],
    ["posted", books.length],
    ["of them deleted again", books.filter((one) => one.deleted).length],
    ["accept to posted, p50", `${percentile(waits, 0.5)} ms`],
    ["accept to posted, p99", `${percentile(waits, 0.99)} ms`],
    ["rows written per tweet, of the 200", (written / bulk.length).toFixed(2)],
    ["refreshes of the expired token", refreshes],
    ["events received, each once by its id", receiver.events.size],
    ["a film of 64 MiB, in, out and started again", `${(film.ms / 1000).toFixed(1)} s`],
    ["wall time", `${((Date.now() - began) / 1000).toFixed(1)} s`],
  ] as const;
  console.log(`\n${table(all)}\n`);
  for (const flaw of flaws) console.error(`✗ ${flaw}`);
  if (flaws.length === 0)
    console.log(
      "Every tweet stands at X exactly once, in order, and nothing else does; every ending was told, and signed; the film is the same at X, byte for byte.",
    );
  return flaws.length === 0 ? 0 : 1;
}

function accountAt(accounts: Account[], index: number): Account {
  const account = accounts[index];
  if (!account) throw new Error(`there is no account ${index}`);
  return account;
}

async function connectAll({ url, key }: Caller, simulatorUrl: string): Promise<Account[]> {
  const accounts: Account[] = [];
  for (let number = 1; number <= ACCOUNTS; number++) {
    const user_id = await makeUser(simulatorUrl, `reader_${number}`, `Reader ${number}`);
    const link = await beginConnect({ url, key, return_url: `${url}/` });
    if (number === 1) console.log(`  The link that a person opens to connect an account:\n  ${link}`);
    accounts.push({ id: await followConnect(link, user_id), user_id });
  }
  return accounts;
}

/** A person at a time: hand over a tweet, wait for it, and delete one again. */
async function postSingles(caller: Caller, accounts: Account[]): Promise<Done[]> {
  const done: Done[] = [];
  for (const { id, user_id } of accounts.slice(0, 3)) {
    const text = `Good morning from ${user_id}`;
    const job = await untilSucceeded(caller, (await postTweet(caller, id, text)).id);
    step(`Posted one tweet and waited for it: ${job.result?.tweet_id ?? "?"}`);
    done.push({ user_id, text, deleted: false, job });
  }
  const [first] = done;
  if (!first) return done;
  const tweetId = first.job.result?.tweet_id ?? "";
  await untilSucceeded(caller, (await deleteTweet(caller, first.job.account_id, tweetId)).id);
  step(`Deleted the first one again: ${tweetId}`);
  return [{ ...first, deleted: true }, ...done.slice(1)];
}

/** A scheduler: hand over everything, and look now and then how far it is. */
async function postBulk(caller: Caller, accounts: Account[]): Promise<Done[]> {
  const rows = readCsv(readFileSync(join(import.meta.dirname, "demo-tweets.csv"), "utf8"));
  const orders = rows.map(([number, text = ""]) => ({ account: accounts[Number(number) - 1], text }));
  const taken = await Promise.all(
    accounts.map(async (account) => {
      const own: Done[] = [];
      // One after the other: tweets of one account go out in the order in which they were handed over.
      for (const { text } of orders.filter((one) => one.account === account))
        own.push({
          user_id: account.user_id,
          text,
          deleted: false,
          job: await postTweet(caller, account.id, text),
        });
      return own;
    }),
  );
  const done = taken.flat();
  step(`Handed over ${done.length} tweets of ${accounts.length} accounts`);
  const ids = done.map(({ job }) => job.id);
  const jobs = await pollHome(caller, ids, BULK_MS, undefined, (rested) => {
    progress(rested, ids.length);
  });
  const byId = new Map(jobs.map((job) => [job.id, job]));
  return done.map((one) => ({ ...one, job: byId.get(one.job.id) ?? one.job }));
}

const unsuccessful = (done: readonly Done[]): string[] =>
  done
    .filter(({ job }) => job.state !== "succeeded")
    .map(({ job }) => `${job.id} is ${job.state}: ${JSON.stringify(job.error)}`);

const step = (text: string): void => {
  console.log(`✓ ${text}`);
};

/** One line that grows on a terminal, and a few lines elsewhere. */
function progress(rested: number, of: number): void {
  const line = `  ${rested} of ${of} are home`;
  if (process.stdout.isTTY) process.stdout.write(`\r${line}${rested === of ? "\n" : ""}`);
  else console.log(line);
}
