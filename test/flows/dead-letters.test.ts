import { expect, test } from "vitest";
import { pollHome, postTweet, readJob } from "../../scripts/jobs.ts";
import { until } from "../../scripts/wait.ts";
import { createRig } from "./rig.ts";

/** A lease of 75 s is over after 7.5 s. */
const TIME_SCALE = 10;
const LEASE_MS = 75_000;

test("a dead letter rescues its lane: what was cut off is looked for, and all is posted in order", async () => {
  const rig = await createRig({ time_scale: TIME_SCALE });
  try {
    const account = await rig.connect();
    const match = { path: "/2/tweets", method: "POST", text: "cut off" };
    rig.simulator.setFaults([{ match, times: 1, fault: { kind: "hang", ms: 30_000, when: "before" } }]);
    const cut = await postTweet(rig.caller, account.id, "cut off");
    const next = await postTweet(rig.caller, account.id, "next");
    await until("in flight", 10_000, async () => (await readJob(rig.caller, cut.id)).state === "running");

    await rig.restart();
    const leaseEnds = rig.now() + LEASE_MS;
    await until("the end of the lease", 15_000, async () => rig.now() > leaseEnds);
    expect((await readJob(rig.caller, cut.id)).state).toBe("running");
    await rig.giveUp(`tweets:${account.id}`);
    await until("rescued", 15_000, async () => (await readJob(rig.caller, cut.id)).state === "unknown");

    await rig.tickUntil("both posted", () => rig.texts(account).length > 1);
    const jobs = await pollHome(rig.caller, [cut.id, next.id], 10_000);
    expect(jobs.map(({ state }) => state)).toEqual(["succeeded", "succeeded"]);
    expect(rig.texts(account)).toEqual(["cut off", "next"]);
  } finally {
    await rig.close();
  }
});
