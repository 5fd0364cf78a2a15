import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../scripts/api.ts";
import { deleteTweet, listJobs, pollHome, postTweet, untilSucceeded } from "../../scripts/jobs.ts";
import { createRig, type Account, type Rig } from "./rig.ts";

const ACCOUNTS = 12;

let rig: Rig;
const accounts: Account[] = [];
beforeAll(async () => {
  rig = await createRig({ databases: 2 });
  for (let number = 0; number < ACCOUNTS; number++) accounts.push(await rig.connect());
});
afterAll(() => rig.close());

const shardOf = (id: string): string => id.slice(-1);
const oneOfEach = (): Account[] =>
  ["0", "1"].flatMap((shard) => accounts.filter(({ id }) => shardOf(id) === shard).slice(0, 1));

test("accounts land on both databases, and one list shows them all", async () => {
  expect(new Set(accounts.map(({ id }) => shardOf(id)))).toEqual(new Set(["0", "1"]));
  const { url, key } = rig.caller;
  const { data } = await ask<{ data: { id: string }[] }>(`${url}/v1/accounts?limit=100`, { key });
  expect(data.map(({ id }) => id).sort()).toEqual(accounts.map(({ id }) => id).sort());
});

test("tweets of accounts on both databases are posted, and one list shows their jobs, the newest first", async () => {
  const jobs = [];
  for (const round of [1, 2, 3])
    for (const account of accounts) jobs.push(await postTweet(rig.caller, account.id, `round ${round}`));
  const ids = jobs.map(({ id }) => id);
  const home = await pollHome(rig.caller, ids, 30_000);
  expect(home.filter(({ state }) => state === "succeeded")).toHaveLength(ids.length);
  for (const account of accounts) expect(rig.texts(account)).toEqual(["round 1", "round 2", "round 3"]);
  for (const job of jobs) expect(shardOf(job.id)).toBe(shardOf(job.account_id));

  const listed = (await listJobs(rig.caller)).map(({ id }) => id);
  expect(listed).toEqual([...ids].sort().reverse());
});

test("a tweet is deleted on either database", async () => {
  for (const account of oneOfEach()) {
    const job = await untilSucceeded(rig.caller, (await postTweet(rig.caller, account.id, "gone")).id);
    await untilSucceeded(
      rig.caller,
      (await deleteTweet(rig.caller, account.id, job.result?.tweet_id ?? "")).id,
    );
    expect(rig.texts(account)).not.toContain("gone");
  }
});

test("an idempotency key finds its job again, whichever database that is on", async () => {
  const { url, key } = rig.caller;
  for (const account of oneOfEach()) {
    const headers = { "idempotency-key": `once-${account.id}` };
    const body = { account_id: account.id, text: "keyed" };
    const [first, second] = [
      await ask<{ id: string }>(`${url}/v1/tweets`, { key, body, headers }),
      await ask<{ id: string }>(`${url}/v1/tweets`, { key, body, headers }),
    ];
    expect(second.id).toBe(first.id);
    await untilSucceeded(rig.caller, first.id);
    expect(rig.texts(account).filter((text) => text === "keyed")).toHaveLength(1);
  }
});

test("the clock wakes what waits on either database", async () => {
  const lost = await createRig({ databases: 2, deaf: true });
  try {
    const some: Account[] = [];
    for (let number = 0; number < ACCOUNTS; number++) some.push(await lost.connect());
    expect(new Set(some.map(({ id }) => shardOf(id))).size).toBe(2);
    for (const { id } of some) await postTweet(lost.caller, id, "late");
    await lost.restart();
    await lost.tickUntil("all posted", () => some.every((account) => lost.texts(account).length === 1));
  } finally {
    await lost.close();
  }
});
