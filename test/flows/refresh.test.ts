import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask } from "../../scripts/api.ts";
import { connectAccount } from "../../scripts/connect.ts";
import { pollHome, postTweet, readJob, untilSucceeded, type Caller, type Job } from "../../scripts/jobs.ts";
import { makeUser } from "../../scripts/tenant.ts";
import { until } from "../../scripts/wait.ts";
import { createRig, type Account, type Rig } from "./rig.ts";
import { ownPorts, start, type Started } from "./started.ts";

const HOME_MS = 60_000;
const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `tweet ${index}`);

const hand = async (
  caller: Caller,
  accountId: string,
  texts: readonly string[],
  run_at?: string,
): Promise<string[]> => {
  const ids: string[] = [];
  for (const text of texts)
    ids.push((await postTweet(caller, accountId, text, run_at === undefined ? {} : { run_at })).id);
  return ids;
};

const stateOf = async ({ url, key }: Caller, accountId: string): Promise<string> =>
  (await ask<{ state: string }>(`${url}/v1/accounts/${accountId}`, { key })).state;

type Blocked = Job & { blocked_on: { reason: string; until: string | null } | null };

describe("with all Workers at once", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await createRig();
    rig.simulator.setSettings({ limits: "off" });
  });
  afterAll(() => rig.close());

  const grantsOf = ({ user_id }: Account) =>
    rig.simulator.grants().filter((grant) => grant.user_id === user_id);

  test("200 tweets due at once for an account whose token X does not take any more: one refresh, all are posted", async () => {
    const account = await rig.connect();
    const texts = numbered(200);
    const due = new Date(Date.now() + 5_000).toISOString();
    const ids = await hand(rig.caller, account.id, texts, due);
    rig.simulator.expireAccess({ user_id: account.user_id });
    const jobs = await pollHome(rig.caller, ids, HOME_MS);
    expect(new Set(jobs.map(({ state }) => state))).toEqual(new Set(["succeeded"]));
    expect(jobs.map(({ attempts }) => attempts)).toEqual(texts.map(() => 1));
    expect(rig.texts(account)).toEqual(texts);
    expect(grantsOf(account)).toMatchObject([{ refreshes: 1, revoked: false }]);
  });

  test("a client may have a token refreshed, and sees the job end", async () => {
    const account = await rig.connect();
    const { url, key } = rig.caller;
    const job = await ask<Job>(`${url}/v1/accounts/${account.id}/refresh`, { method: "POST", key });
    await untilSucceeded(rig.caller, job.id);
    expect(grantsOf(account)).toMatchObject([{ refreshes: 1 }]);
    await untilSucceeded(rig.caller, (await postTweet(rig.caller, account.id, "with the new token")).id);
  });

  test("an answer that X gave and that was lost: one more try, then the client is told, and all are posted after reconnecting", async () => {
    const account = await rig.connect();
    const match = { path: "/2/oauth2/token", method: "POST", user_id: account.user_id };
    rig.simulator.setFaults([{ match, times: 1, fault: { kind: "drop", when: "after" } }]);
    rig.simulator.expireAccess({ user_id: account.user_id });
    const began = rig.now();
    const ids = await hand(rig.caller, account.id, numbered(3));
    await until(
      "the end of the grant",
      HOME_MS,
      async () => (await stateOf(rig.caller, account.id)) === "reconnect_required",
    );
    const waiting = (await readJob(rig.caller, ids[0] ?? "")) as Blocked;
    expect(waiting).toMatchObject({ state: "waiting", attempts: 0, blocked_on: { reason: "reconnect" } });
    const asked = rig.simulator.calls().last.filter(({ path, at }) => path === match.path && at >= began);
    expect(asked.map(({ status }) => status)).toEqual([0, 400]);

    const again = await connectAccount({ ...rig.caller, return_url: `${rig.caller.url}/` }, account.user_id);
    expect(again).toBe(account.id);
    const jobs = await pollHome(rig.caller, ids, HOME_MS);
    expect(new Set(jobs.map(({ state }) => state))).toEqual(new Set(["succeeded"]));
    expect(rig.texts(account)).toEqual(numbered(3));
  });
});

describe("killed between X's answer and ours", () => {
  let folder = "";
  let running: Started | null = null;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "refresh-"));
  });
  afterAll(async () => {
    await running?.end("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  });

  type Grants = { grants: { user_id: string; refreshes: number; revoked: boolean }[] };

  test("an account that X forgives goes on by itself, and its tweet is posted", async () => {
    const environment = { ...(await ownPorts()), TIME_SCALE: "10" };
    const first = await start(folder, environment);
    running = first;
    const { url, api_key, simulator_url } = first.local;
    const caller: Caller = { url, key: api_key };
    const user_id = await makeUser(simulator_url, "kill_refresh");
    const account = await connectAccount({ ...caller, return_url: `${url}/` }, user_id);
    const grant = async () =>
      (await ask<Grants>(`${simulator_url}/_sim/grants`)).grants.find((one) => one.user_id === user_id);

    await ask(`${simulator_url}/_sim/settings`, {
      method: "PUT",
      body: { reused_refresh_token: "fresh_pair" },
    });
    const fault = { kind: "hang", ms: 600_000, when: "after" };
    const rules = [{ match: { path: "/2/oauth2/token", user_id }, times: 1, fault }];
    await ask(`${simulator_url}/_sim/faults`, { method: "PUT", body: { faults: rules } });
    await ask(`${simulator_url}/_sim/access-tokens/expire`, { body: { user_id } });
    const { id } = await postTweet(caller, account, "after the kill");
    await until("X has rotated the pair", 30_000, async () => (await grant())?.refreshes === 1);
    await first.end("SIGKILL");
    await until("nothing left", 3_000, async () => first.leftovers().length === 0);

    running = await start(folder, environment);
    const [job] = await pollHome(caller, [id], HOME_MS);
    expect(job).toMatchObject({ state: "succeeded", attempts: 1 });
    expect(await grant()).toMatchObject({ refreshes: 2, revoked: false });
    expect(await stateOf(caller, account)).toBe("connected");
  });
});
