import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, Refused } from "../../scripts/api.ts";
import { pollHome, postTweet, readJob, untilSucceeded, type Job } from "../../scripts/jobs.ts";
import { until } from "../../scripts/wait.ts";
import { createRig, type Account, type Rig } from "./rig.ts";

const DAY_MS = 86_400_000;
/** What X charges for a tweet without a URL. */
const TWEET_MICRO_USD = 15_000;

let rig: Rig;
beforeAll(async () => {
  rig = await createRig();
  rig.simulator.setSettings({ limits: "off" });
});
afterAll(() => rig.close());

const call = <Answer = Job>(method: string, path: string, body?: unknown): Promise<Answer> =>
  ask<Answer>(`${rig.caller.url}${path}`, { method, key: rig.caller.key, body });

/** The status of a refusal. Anything else that goes wrong is not expected. */
const statusOf = (error: unknown): number => {
  if (error instanceof Refused) return error.status;
  throw error;
};

const connect = (count: number): Promise<Account[]> =>
  Promise.all(Array.from({ length: count }, () => rig.connect()));

type Taken = {
  id: string;
  accepted: number;
  rejected: { index: number; errors: { pointer: string; code: string }[] }[];
};
type Batch = { state: string; counts: Record<string, number> };

test("of a batch of 1,000 with 3 bad items, 997 are each posted once, in order, and the 3 are named by index and pointer", async () => {
  const accounts = await connect(10);
  const bad = new Map<number, Record<string, unknown>>([
    [7, { text: "" }],
    [500, { text: "a", run_at: "tomorrow" }],
    [999, { text: "b", colour: "red" }],
  ]);
  const items = Array.from({ length: 1000 }, (_, index) => ({
    account_id: accounts[index % accounts.length]?.id,
    text: `item ${index}`,
    ...bad.get(index),
  }));
  const taken = await call<Taken>("POST", "/v1/batches", { items });
  expect(taken.accepted).toBe(997);
  expect(
    taken.rejected.map(({ index, errors }) => [index, errors.map(({ pointer, code }) => [pointer, code])]),
  ).toEqual([
    [7, [["/text", "required"]]],
    [500, [["/run_at", "invalid_format"]]],
    [999, [["/colour", "unknown_field"]]],
  ]);
  await until("the batch has ended", 150_000, async () => {
    const { state } = await call<Batch>("GET", `/v1/batches/${taken.id}`);
    return state === "completed";
  });
  expect((await call<Batch>("GET", `/v1/batches/${taken.id}`)).counts).toMatchObject({ succeeded: 997 });
  for (const [which, account] of accounts.entries()) {
    const own = items.flatMap(({ text }, index) =>
      index % accounts.length === which && !bad.has(index) ? [text] : [],
    );
    expect(rig.texts(account)).toEqual(own);
  }
});

describe("what is said of a tweet while it is sent is the truth each time", () => {
  const TIMES = 16;
  beforeAll(() => rig.simulator.setSettings({ latency_ms: 100 }));
  afterAll(() => rig.simulator.setSettings({ latency_ms: 0 }));

  test("of an edit: what X has is what the last one that was taken says", async () => {
    const accounts = await connect(TIMES);
    await Promise.all(
      accounts.map(async (account) => {
        const { id } = await postTweet(rig.caller, account.id, "version 0");
        let version = 0;
        // Until the claim is first.
        for (let status = 200; status === 200;) {
          const params = { text: `version ${version + 1}` };
          status = await call("PATCH", `/v1/jobs/${id}`, { params }).then(() => 200, statusOf);
          if (status === 200) version++;
          else expect(status).toBe(409);
        }
        await untilSucceeded(rig.caller, id);
        expect(rig.texts(account)).toEqual([`version ${version}`]);
      }),
    );
  });

  test("of a cancel: 200 was never posted, 409 was, and 202 came to what the job then says", async () => {
    // Long enough for a tweet to be met while it is sent.
    rig.simulator.setSettings({ latency_ms: 2_000 });
    const heard = new Set<"never posted" | "asked for" | "too late">();
    /** Cancel a tweet, and hold what was said of it to what X has and its job comes to. */
    const cancel = async (account: Account, id: string, text: string): Promise<void> => {
      const job = await call("POST", `/v1/jobs/${id}/cancel`).catch(statusOf);
      const [ended] = await pollHome(rig.caller, [id], 60_000);
      const isPosted = rig.texts(account).includes(text);
      if (typeof job === "number") expect([job, ended?.state, isPosted]).toEqual([409, "succeeded", true]);
      else if (job.state === "canceled") expect([ended?.state, isPosted]).toEqual(["canceled", false]);
      else expect(ended?.state).toBe(isPosted ? "succeeded" : "canceled");
      heard.add(
        typeof job === "number" ? "too late" : job.state === "canceled" ? "never posted" : "asked for",
      );
    };
    const underWay = (id: string) =>
      until("the tweet is sent", 60_000, async () => (await readJob(rig.caller, id)).state === "running");

    const accounts = await connect(TIMES);
    await Promise.all(
      accounts.map(async (account, index) => {
        const { id } = await postTweet(rig.caller, account.id, "to be");
        const behind = await postTweet(rig.caller, account.id, "or not to be");
        if (index % 4 === 1) await underWay(id);
        if (index % 4 === 2) await untilSucceeded(rig.caller, id);
        // The one behind waits for the first; and where nothing is waited for, the claim and the cancel race.
        if (index % 4 === 3) await cancel(account, behind.id, "or not to be");
        else await cancel(account, id, "to be");
      }),
    );
    expect([...heard].sort()).toEqual(["asked for", "never posted", "too late"]);
  });
});

test("what a paused account was given waits, says why, and goes out in order once it is resumed", async () => {
  const [account, other] = await connect(2);
  if (!account || !other) throw new Error("no accounts");
  await call("POST", `/v1/accounts/${account.id}/pause`);
  const texts = ["one", "two", "three"];
  const { id } = await call<Taken>("POST", "/v1/batches", {
    defaults: { account_id: account.id },
    items: texts.map((text) => ({ text })),
  });
  const { data } = await call<{ data: (Job & { blocked_on: unknown })[] }>("GET", `/v1/batches/${id}/jobs`);
  expect(data.map(({ blocked_on }) => blocked_on)).toEqual(
    texts.map(() => expect.objectContaining({ gate: `account:${account.id}`, reason: "paused" }) as unknown),
  );
  // The queue has gone on behind them.
  await untilSucceeded(rig.caller, (await postTweet(rig.caller, other.id, "beside")).id);
  expect(rig.texts(account)).toEqual([]);
  expect((await readJob(rig.caller, data[0]?.id ?? "")).attempts).toBe(0);
  await call("POST", `/v1/accounts/${account.id}/resume`);
  await pollHome(
    rig.caller,
    data.map((job) => job.id),
    30_000,
  );
  expect(rig.texts(account)).toEqual(texts);
});

test("of a batch under a cap as much is posted as it pays for; raised, it lets out the rest, and no more is ever spent", async () => {
  const [account] = await connect(1);
  const id = account?.id ?? "";
  const cap = (daily_cap_micro_usd: number) =>
    call("PATCH", `/v1/accounts/${id}`, { daily_cap_micro_usd }).then(() => undefined);
  const spent = async () => {
    const path = `/v1/usage?account_id=${id}`;
    const { data } = await call<{ data: { cost_micro_usd: number }[] }>("GET", path);
    return data.reduce((sum, day) => sum + day.cost_micro_usd, 0);
  };
  await cap(4 * TWEET_MICRO_USD);
  const texts = Array.from({ length: 10 }, (_, index) => `capped ${index}`);
  const batch = await call<Taken>("POST", "/v1/batches", {
    items: texts.map((text) => ({ account_id: id, text })),
  });
  type Waiting = Job & { blocked_on: { gate: string; reason: string; until: string } | null };
  const jobs = async () => (await call<{ data: Waiting[] }>("GET", `/v1/batches/${batch.id}/jobs`)).data;
  await until("the cap is reached", 30_000, async () => (await jobs())[9]?.blocked_on != null);
  const tomorrow = new Date(Math.ceil((Date.now() + 1) / DAY_MS) * DAY_MS).toISOString();
  expect((await jobs()).map(({ state, attempts, blocked_on }) => [state, attempts, blocked_on])).toEqual(
    texts.map((_, index) =>
      index < 4
        ? ["succeeded", 1, null]
        : ["queued", 0, { gate: `spend:${id}`, reason: "spend_cap", until: tomorrow }],
    ),
  );
  expect(await spent()).toBe(4 * TWEET_MICRO_USD);
  await cap(10 * TWEET_MICRO_USD);
  await until("all are posted", 30_000, async () =>
    (await jobs()).every(({ state }) => state === "succeeded"),
  );
  expect(account && rig.texts(account)).toEqual(texts);
  expect(await spent()).toBe(10 * TWEET_MICRO_USD);
});
