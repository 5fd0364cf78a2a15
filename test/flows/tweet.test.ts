import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask } from "../../scripts/api.ts";
import { deleteTweet, pollHome, postTweet, readJob, untilSucceeded, type Job } from "../../scripts/jobs.ts";
import { createRig, type Rig } from "./rig.ts";

const HOUR_MS = 3_600_000;
const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `tweet ${index}`);

describe("with all Workers at once", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await createRig();
  });
  afterAll(() => rig.close());

  test("a tweet is taken at once, posted, and can be deleted again", async () => {
    const account = await rig.connect();
    const taken = await postTweet(rig.caller, account.id, "hello");
    expect(taken.state).toBe("queued");
    const job = await untilSucceeded(rig.caller, taken.id);
    expect(rig.texts(account)).toEqual(["hello"]);

    const tweetId = job.result?.tweet_id ?? "";
    await untilSucceeded(rig.caller, (await deleteTweet(rig.caller, account.id, tweetId)).id);
    expect(rig.texts(account)).toEqual([]);
  });

  test("a canceled tweet is never posted, and the ones behind it are", async () => {
    const account = await rig.connect();
    const run_at = new Date(Date.now() + HOUR_MS).toISOString();
    const later = await postTweet(rig.caller, account.id, "never", { run_at });
    expect(later.state).toBe("scheduled");
    const { url, key } = rig.caller;
    const canceled = await ask<Job>(`${url}/v1/jobs/${later.id}/cancel`, { method: "POST", key });
    expect(canceled.state).toBe("canceled");
    await rig.tick();
    await untilSucceeded(rig.caller, (await postTweet(rig.caller, account.id, "now")).id);
    expect(rig.texts(account)).toEqual(["now"]);
  });

  test("a lane that is woken over and over posts each tweet once, in order", async () => {
    const account = await rig.connect();
    const texts = numbered(20);
    const ids: string[] = [];
    for (const text of texts) {
      ids.push((await postTweet(rig.caller, account.id, text)).id);
      await Promise.all([1, 2, 3].map(() => rig.wake(`tweets:${account.id}`)));
    }
    const jobs = await pollHome(rig.caller, ids, 30_000);
    expect(jobs.map(({ state }) => state)).toEqual(texts.map(() => "succeeded"));
    expect(rig.texts(account)).toEqual(texts);
  });

  test("a tweet whose answer was lost is found, and not posted again", async () => {
    const account = await rig.connect();
    const match = { path: "/2/tweets", method: "POST", user_id: account.user_id };
    rig.simulator.setFaults([{ match, times: 1, fault: { kind: "drop", when: "after" } }]);
    const { id } = await postTweet(rig.caller, account.id, "once");
    const job = await untilSucceeded(rig.caller, id);
    expect(job.result?.tweet_id).toBe(rig.simulator.tweets(account.user_id)[0]?.id);
    await untilSucceeded(rig.caller, (await postTweet(rig.caller, account.id, "next")).id);
    expect(rig.texts(account)).toEqual(["once", "next"]);
  });
});

test("wake-ups that their queue lost are made good by the clock", async () => {
  const rig = await createRig({ deaf: true });
  try {
    const account = await rig.connect();
    const texts = numbered(3);
    const ids: string[] = [];
    for (const text of texts) ids.push((await postTweet(rig.caller, account.id, text)).id);
    await rig.restart();
    expect((await readJob(rig.caller, ids[0] ?? "")).state).toBe("queued");
    await rig.tickUntil("all posted", () => rig.texts(account).length === texts.length);
    await pollHome(rig.caller, ids, 10_000);
    expect(rig.texts(account)).toEqual(texts);
  } finally {
    await rig.close();
  }
});
