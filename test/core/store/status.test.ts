import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import * as status from "#core/store/status";
import type { ClosedRow, Counted, DueRow, PartRow, Whose } from "#core/store/status";
import { strict } from "../../support/database.ts";
import { accountRow, empty, jobIn, NOW, put, putLane } from "../../support/rows.ts";

const db = strict(env.DB);
const NAMES = ["tweets", "deletes"];
const MINE: Whose = { client_id: "cli_1", accounts: null };
beforeEach(() => empty(env.DB));

const gate = (name: string, change: object = {}) =>
  put(env.DB, "gates", { name, open_at: NOW + 60_000, reason: "why", updated_at: NOW, ...change });

test.each<[string, object, string]>([
  ["no faults", { open_at: 0 }, "well"],
  ["some faults", { open_at: 0, faults: 9 }, "well"],
  ["shut for its faults", { faults: 10, shut_at: NOW - 1 }, "out_of_order"],
  ["shut for something else", {}, "out_of_order"],
  ["shut long enough", { faults: 10, open_at: NOW }, "probing"],
  ["tried by a lane", { faults: 10, probe: "tweets:acc_1" }, "probing"],
])("a part of X with %s: %s is %s", async (_, change, state) => {
  await gate("x:tweets", change);
  const { results } = await status.parts(db, NOW, ["x:tweets", "x:reads"]).all<PartRow>();
  expect(results).toMatchObject([{ name: "x:tweets", state }]);
});

describe("what lanes wait for", () => {
  beforeEach(async () => {
    await put(env.DB, "accounts", accountRow());
    await put(env.DB, "accounts", accountRow({ id: "acc_2", x_user_id: "13" }));
    await put(env.DB, "accounts", accountRow({ id: "acc_3", x_user_id: "14", client_id: "cli_2" }));
    for (const [account, client_id] of [
      ["acc_1", "cli_1"],
      ["acc_2", "cli_1"],
      ["acc_3", "cli_2"],
    ] as const)
      await putLane(env.DB, {
        lane: `tweets:${account}`,
        client_id,
        account_id: account,
        gates: JSON.stringify(["x:tweets", `account:${account}`]),
        next_at: NOW - 5000,
      });
    await putLane(env.DB, { lane: "deletes:acc_1", gates: '["x:tweets"]', next_at: null });
  });

  const closed = async (whose: Whose) => {
    const { results } = await status.closed(db, NOW, NAMES, whose).all<ClosedRow>();
    return results.map(({ name, lanes }) => `${name}: ${(JSON.parse(lanes) as string[]).sort().join()}`);
  };

  test("is the closed gates, each with the lanes behind it that have something to do", async () => {
    await gate("x:tweets");
    await gate("account:acc_2", { open_at: NOW });
    await gate("account:acc_1");
    expect(await closed(MINE)).toEqual([
      "account:acc_1: tweets:acc_1",
      "x:tweets: tweets:acc_1,tweets:acc_2",
    ]);
    expect(await closed({ client_id: "cli_1", accounts: ["acc_2", "acc_3"] })).toEqual([
      "x:tweets: tweets:acc_2",
    ]);
    expect(await closed(null)).toEqual([
      "account:acc_1: tweets:acc_1",
      "x:tweets: tweets:acc_1,tweets:acc_2,tweets:acc_3",
    ]);
  });

  test("for a look is X's reads, and whoever tries a part does not wait for it", async () => {
    await put(env.DB, "jobs", jobIn("unknown", { maybe_sent: 2 }));
    await gate("x:reads");
    await gate("x:tweets", { faults: 10, probe: "tweets:acc_2" });
    expect(await closed(MINE)).toEqual(["x:reads: tweets:acc_1", "x:tweets: tweets:acc_1"]);
  });

  test("and the due ones that nobody works on are counted, with the longest wait", async () => {
    await env.DB.exec(`UPDATE lanes SET next_at = ${NOW - 9000} WHERE lane = 'tweets:acc_2'`);
    const due = async (whose: Whose) => (await status.due(db, NOW, NAMES, whose).all<DueRow>()).results;
    expect(await due(MINE)).toEqual([{ lane: "tweets", lanes: 2, late_ms: 9000 }]);
    expect(await due(null)).toEqual([{ lane: "tweets", lanes: 3, late_ms: 9000 }]);
    await env.DB.exec(
      `UPDATE lanes SET lease = 'lse_1', leased_until = ${NOW + 1} WHERE lane = 'tweets:acc_2'`,
    );
    expect(await due(MINE)).toEqual([{ lane: "tweets", lanes: 1, late_ms: 5000 }]);
  });
});

test("dead and parked jobs are counted, of a client's accounts and without those of hidden kinds", async () => {
  for (const [id, change] of Object.entries({
    job_1: {},
    job_2: { account_id: "acc_2" },
    job_3: { client_id: "cli_2" },
    job_4: { kind: "token.refresh" },
  }))
    await put(env.DB, "jobs", jobIn("dead", { id, ...change }));
  await put(env.DB, "jobs", jobIn("unknown", { id: "job_5", open: null }));
  await put(env.DB, "jobs", jobIn("unknown", { id: "job_6" }));
  const counted = (which: "dead" | "parked", whose: Whose) =>
    status.count(db, which, ["token.refresh"], whose).first<Counted>();
  expect(await counted("dead", MINE)).toEqual({ looked: 3, count: 2 });
  expect(await counted("dead", { client_id: "cli_1", accounts: ["acc_2"] })).toEqual({ looked: 3, count: 1 });
  expect(await counted("dead", null)).toEqual({ looked: 4, count: 3 });
  expect(await counted("parked", MINE)).toEqual({ looked: 1, count: 1 });
  expect(await counted("parked", { client_id: "cli_2", accounts: null })).toEqual({ looked: 0, count: 0 });
});

describe("however much there is", () => {
  const MANY = 20_000;
  const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${MANY})`;

  test("no more is read than a thousand lanes, ten thousand jobs and a thousand dead ones", async () => {
    await env.DB.batch([
      env.DB.prepare(
        `INSERT INTO accounts (id, client_id, app_id, x_user_id, username, name, scopes, state, token_version, token_issued_at,
                               token_origin, created_at, updated_at)
         ${numbers} SELECT 'acc_' || printf('%06d', i), 'cli_1', 'app_1', i, 'u', 'U', '[]', 'connected', 1, 1, 'connect', 1, 1 FROM n`,
      ),
      env.DB.prepare(
        `INSERT INTO lanes (lane, client_id, account_id, app_id, gates, next_at)
         ${numbers} SELECT 'tweets:acc_' || printf('%06d', i), 'cli_1', 'acc_' || printf('%06d', i), 'app_1',
                           json_array('x:tweets', 'app:app_1', 'account:' || i, 'window:' || i), ${NOW} - i FROM n`,
      ),
      env.DB.prepare(
        `INSERT INTO jobs (client_id, id, kind, account_id, lane, ordered, state, open, due_at, expires_at, max_attempts, params,
                           created_at, finished_at)
         ${numbers} SELECT 'cli_1', 'job_' || printf('%06d', i), 'tweet.create', 'acc_1', 'tweets:acc_' || printf('%06d', i), 1,
                           iif(i % 2, 'dead', 'queued'), iif(i % 2, NULL, 1), 1, 9e15, 5, '{}', 1, iif(i % 2, 1, NULL) FROM n`,
      ),
    ]);
    await gate("x:tweets");
    for (const whose of [MINE, null]) {
      const closed = await status.closed(db, NOW, NAMES, whose).run<ClosedRow>();
      const lanes = JSON.parse(closed.results[0]?.lanes ?? "[]") as string[];
      expect(lanes).toHaveLength(status.LOOKS_AT);
      expect(closed.meta.rows_read).toBeLessThan(15 * status.LOOKS_AT);
      expect((await status.due(db, NOW, NAMES, whose).run()).meta.rows_read).toBeLessThan(
        8 * status.LOOKS_AT,
      );
      expect((await status.looked(db, whose).run()).meta.rows_read).toBeLessThan(2 * status.LOOKS_AT);
      const dead = await status.count(db, "dead", ["token.refresh"], whose).run<Counted>();
      expect(dead.results).toEqual([{ looked: status.LOOKS_AT, count: status.LOOKS_AT }]);
      expect(dead.meta.rows_read).toBeLessThan(5 * status.LOOKS_AT);
      const parked = await status.count(db, "parked", [], whose).run<Counted>();
      expect(parked.meta.rows_read).toBeLessThan(10);
    }
    await env.DB.exec("UPDATE jobs SET lane = 'tweets:acc_000001' WHERE open = 1");
    await env.DB.exec(
      `INSERT INTO jobs (client_id, id, kind, account_id, lane, ordered, state, open, due_at, expires_at, max_attempts, params, created_at) SELECT client_id, 'job_x' || id, kind, account_id, lane, ordered, 'queued', 1, 1, expires_at, 5, '{}', 1 FROM jobs`,
    );
    const waiting = await status.waiting(db, ["tweets:acc_000001"]).run<{ jobs: number }>();
    expect(waiting.results).toMatchObject([{ jobs: status.JOBS_LOOKED_AT }]);
    expect(waiting.meta.rows_read).toBeLessThan(2 * status.JOBS_LOOKED_AT + 10);
  });
});

test("uploads whose bytes should have gone long ago are counted, those of a client for that client", async () => {
  const upload = { state: "receiving", send: "now", metadata: "{}", created_at: 1, expires_at: NOW - 5_000 };
  const each = [
    { id: "med_1", client_id: "cli_1", account_id: "acc_1" },
    { id: "med_2", client_id: "cli_1", account_id: "acc_2" },
    { id: "med_3", client_id: "cli_2", account_id: "acc_3" },
    { id: "med_4", client_id: "cli_1", account_id: "acc_1", cleared_at: 1 },
    { id: "med_5", client_id: "cli_1", account_id: "acc_1", expires_at: NOW - 4_999 },
  ];
  for (const one of each) await put(env.DB, "uploads", { ...upload, ...one });
  const count = async (whose: Whose) =>
    (await status.countOrphans(db, NOW, 5_000, whose).first<Counted>())?.count;
  expect(await count(null)).toBe(3);
  expect(await count(MINE)).toBe(2);
  expect(await count({ client_id: "cli_1", accounts: ["acc_2"] })).toBe(1);
});
