import { env } from "cloudflare:workers";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createApps } from "#core/accounts/apps";
import { disconnect, type Disconnecting } from "#core/accounts/disconnect";
import { accessKey, pairPlace } from "#core/accounts/tokens";
import { openRing } from "#core/lib/seal";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import type { JobRow } from "#core/store/jobs";
import { TEST_RING } from "../../support/harness.ts";
import { accountRow, empty, jobIn, NOW, put, putLane } from "../../support/rows.ts";

const ring = await openRing(TEST_RING, "TOKEN_KEYS");
const HOLD = { jobs: "hold", actor: "key_1" } as const;
const CANCEL = { ...HOLD, jobs: "cancel" } as const;
const ID = "acc_x0";
const LANE = `tweets:${ID}`;

/** A connected account, an X that answers as it is told, and what it was asked. */
async function connected(parts: Partial<Disconnecting> = {}) {
  await Promise.all([env.DB, env.DB_1].map(empty));
  const asked: string[] = [];
  const log: string[] = [];
  let answer: (token: string) => Response | Promise<Response> = () => Response.json({ revoked: true });
  const databases = { DB: env.DB };
  const by: Disconnecting = {
    databases,
    kv: env.TOKENS,
    ring,
    apps: createApps({
      databases,
      ring,
      network: async (request, init) => {
        const sent = new Request(request, init);
        const token = (await sent.formData()).get("token") as string;
        asked.push(`${new URL(sent.url).pathname} ${token}`);
        return answer(token);
      },
      x_url: "https://x.test",
      now: () => NOW,
      fallback: { client_id: "x-app", client_secret: "hush" },
    }),
    clock: { now: () => NOW, stored: () => NOW, sleep: async () => undefined },
    lane_names: ["tweets", "deletes"],
    log: (event, fields) => log.push(JSON.stringify({ event, ...fields })),
    ...parts,
  };
  const pair = JSON.stringify({ access_token: "access-1", refresh_token: "refresh-1" });
  const row = accountRow({ id: ID, token: await ring.seal(pair, pairPlace(ID, 1)), refresh_at: NOW + 9 });
  await put(env.DB, "accounts", row);
  await put(env.DB, "x_users", { x_user_id: row.x_user_id, account_id: ID, client_id: "cli_1" });
  await env.TOKENS.put(accessKey(ID, 1), "sealed");
  const all = async <Row>(table: string) =>
    (await env.DB.prepare(`SELECT * FROM ${table}`).all<Row>()).results;
  return { by, row, asked, log, all, answer: (how: typeof answer) => (answer = how) };
}

const putJob = (state: JobRow["state"], id: string, change: Partial<JobRow> = {}) =>
  put(env.DB, "jobs", jobIn(state, { id, account_id: ID, lane: LANE, ...change }));

test("the tokens are gone in D1 and KV, their version has moved, the gate is shut, and the X user is free", async () => {
  const { by, row, all } = await connected();
  const { account } = await disconnect(by, row, HOLD);
  expect(account).toMatchObject({
    state: "disconnected",
    token: null,
    token_version: 2,
    token_expires_at: null,
    refresh_at: null,
  });
  expect(await all("accounts")).toEqual([account]);
  expect(await env.TOKENS.get(accessKey(ID, 1))).toBeNull();
  expect(await all("gates")).toMatchObject([
    { name: `account:${ID}`, reason: "disconnected", open_at: 9_000_000_000_000_000 },
  ]);
  expect(await all("x_users")).toMatchObject([{ account_id: ID, released: 1 }]);
});

test("it is told once, by an event and an audit row, however often it is done", async () => {
  const { by, row, all, log } = await connected();
  const { account } = await disconnect(by, row, HOLD);
  expect(await disconnect(by, account, HOLD)).toEqual({ account, revoked: false, canceled: 0 });
  expect(await all("events")).toMatchObject([{ type: "account.disconnected", account_id: ID }]);
  const [event] = await all<{ data: string }>("events");
  expect(JSON.parse(event?.data ?? "")).toMatchObject({
    id: ID,
    state: "disconnected",
    token_expires_at: null,
  });
  expect(await all("audit")).toMatchObject([
    { actor: "key_1", action: "account.disconnected", subject: ID, client_id: "cli_1" },
  ]);
  expect(log[0]).toBe(
    JSON.stringify({ event: "account.disconnected", account: ID, revoked: true, canceled: 0 }),
  );
});

describe("at X", () => {
  test("both tokens are revoked, and X's yes is passed on", async () => {
    const { by, row, asked } = await connected();
    expect(await disconnect(by, row, HOLD)).toMatchObject({ revoked: true });
    expect(asked.sort()).toEqual(["/2/oauth2/revoke access-1", "/2/oauth2/revoke refresh-1"]);
  });

  test("the last pair is revoked, also when a refresh moved it after the account was read", async () => {
    const { by, row, asked } = await connected();
    const pair = JSON.stringify({ access_token: "access-2", refresh_token: "refresh-2" });
    const token = await ring.seal(pair, pairPlace(ID, 2));
    const moved = { id: ID, token_version: 1, token, token_expires_at: NOW, refresh_at: NOW };
    await accounts.moveToken(env.DB, moved, NOW).run();
    expect(await disconnect(by, row, HOLD)).toMatchObject({ revoked: true, account: { token_version: 3 } });
    expect(asked.sort()).toEqual(["/2/oauth2/revoke access-2", "/2/oauth2/revoke refresh-2"]);
  });

  test.each<[string, (token: string) => Response | Promise<Response>]>([
    ["is down", () => new Response(null, { status: 503 })],
    ["breaks the connection", () => Promise.reject(new Error("reset"))],
    ["says yes to one of two", (token) => new Response("{}", { status: token === "access-1" ? 200 : 500 })],
  ])("a disconnect does without it when it %s, and says so", async (_, how) => {
    const { by, row, answer } = await connected();
    answer(how);
    expect(await disconnect(by, row, HOLD)).toMatchObject({
      revoked: false,
      account: { state: "disconnected", token: null },
    });
  });

  test("a request may take five seconds", async () => {
    const timers = vi.spyOn(globalThis, "setTimeout");
    onTestFinished(() => {
      timers.mockRestore();
    });
    const { by, row } = await connected();
    await disconnect(by, row, HOLD);
    expect(timers.mock.calls.map(([, ms]) => ms)).toEqual([5_000, 5_000]);
  });

  test("nobody is asked for an app that is gone, or with a pair that does not open", async () => {
    const { by, row, asked, log } = await connected();
    const gone = { ...by, apps: { find: async () => null } };
    expect(await disconnect(gone, row, HOLD)).toMatchObject({ revoked: false });
    const other = await connected();
    const lost = { ...other.by, ring: await openRing(`other:${"B".repeat(43)}`, "TOKEN_KEYS") };
    expect(await disconnect(lost, other.row, HOLD)).toMatchObject({ revoked: false });
    expect([...asked, ...other.asked, ...log.filter((line) => line.includes("revoke.failed"))]).toEqual([]);
    expect(other.log[0]).toContain("revoke.failed");
  });
});

describe("its jobs", () => {
  test("are held: they stay as they are", async () => {
    const { by, row, all } = await connected();
    await putJob("queued", "job_1");
    await putJob("running", "job_2");
    const before = await all("jobs");
    expect(await disconnect(by, row, HOLD)).toMatchObject({ canceled: 0 });
    expect(await all("jobs")).toEqual(before);
  });

  test("are canceled when that is asked: what waits at once, what runs at its next pause", async () => {
    const { by, row, all } = await connected();
    await putJob("running", "job_1", { due_at: NOW - 9 });
    await putJob("queued", "job_2");
    await putJob("waiting", "job_3");
    await putJob("unknown", "job_4");
    await putJob("queued", "job_5", { lane: `deletes:${ID}` });
    await putJob("succeeded", "job_6");
    await putJob("queued", "job_7", { account_id: "acc_other", lane: "tweets:acc_other" });
    await putLane(env.DB, { lane: LANE, account_id: ID, lease: "lse_1", leased_until: NOW + 9 });
    expect(await disconnect(by, row, CANCEL)).toMatchObject({ canceled: 3 });
    const jobs = await all<JobRow>("jobs");
    expect(jobs.map(({ state }) => state)).toEqual([
      "running",
      "canceled",
      "canceled",
      "unknown",
      "canceled",
      "succeeded",
      "queued",
    ]);
    expect(jobs.map(({ cancel_requested }) => cancel_requested)).toEqual([1, 0, 0, 0, 0, 0, 0]);
    expect(jobs[1]).toMatchObject({ open: null, finished_at: NOW, sequence: 2 });
  });

  test("that were held are canceled by asking again", async () => {
    const { by, row } = await connected();
    await putJob("queued", "job_1");
    const { account } = await disconnect(by, row, HOLD);
    expect(await disconnect(by, account, CANCEL)).toMatchObject({ revoked: false, canceled: 1 });
  });

  test("are canceled in rounds, however many they are", async () => {
    const { by, row } = await connected();
    await putJob("queued", "job_0");
    await env.DB.prepare(
      `INSERT INTO jobs (client_id, id, kind, account_id, lane, ordered, state, open, due_at, expires_at, max_attempts, params, created_at)
       SELECT client_id, 'job_' || printf('%05d', value), kind, account_id, lane, ordered, state, open, due_at, expires_at,
              max_attempts, params, created_at
         FROM jobs, (WITH RECURSIVE n(value) AS (VALUES (1) UNION ALL SELECT value + 1 FROM n WHERE value < 4500)
                     SELECT value FROM n)`,
    ).run();
    expect(await disconnect(by, row, CANCEL)).toMatchObject({ canceled: 4501 });
    const open = await env.DB.prepare("SELECT count(*) AS count FROM jobs WHERE open = 1").first("count");
    expect(open).toBe(0);
  });
});

test("an account that is on no database is no account", async () => {
  const { by, row } = await connected();
  await expect(disconnect(by, { ...row, id: "acc_x1" } satisfies AccountRow, HOLD)).rejects.toThrow();
  await expect(disconnect(by, { ...row, id: "acc_y0" } satisfies AccountRow, HOLD)).rejects.toThrow();
});
