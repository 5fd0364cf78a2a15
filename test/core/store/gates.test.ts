import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import * as accounts from "#core/store/accounts";
import * as gates from "#core/store/gates";
import type { Closing, GateRow } from "#core/store/gates";
import type { JobRow } from "#core/store/jobs";
import { NEVER } from "#core/lib/clock";
import { all, first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { accountRow, empty, jobIn, NOW, put, putLane } from "../../support/rows.ts";

const db = strict(env.DB);
const SECOND = 1000;
const QUARTER = 900 * SECOND;

beforeEach(async () => {
  await empty(env.DB);
  await putLane(env.DB, { gates: '["x:tweets","app:app_1"]' });
  await put(env.DB, "jobs", jobIn("running"));
});

const closing = (change: Partial<Closing> = {}): Closing => ({
  name: "account:acc_1",
  reason: "locked",
  opens_in_ms: null,
  limit: null,
  remaining: null,
  tried: 0,
  client_id: "cli_1",
  job_id: "job_1",
  lease: "lse_1",
  token_version: null,
  ...change,
});
const close = (now: number, ...closings: Closing[]) => gates.close(db, now, closings).run();
const found = (name = "account:acc_1") =>
  env.DB.prepare("SELECT * FROM gates WHERE name = ?").bind(name).first<GateRow>();

describe("a gate that backs off by itself", () => {
  test("closes for 30 s, doubling to 15 minutes while it keeps happening", async () => {
    const waits: number[] = [];
    for (let now = NOW; waits.length < 7; now = (await found())?.open_at ?? 0) {
      await close(now, closing());
      waits.push((((await found())?.open_at ?? 0) - now) / SECOND);
    }
    expect(waits).toEqual([30, 60, 120, 240, 480, 900, 900]);
  });

  test("begins anew when it was open for 15 minutes", async () => {
    await close(NOW, closing());
    await close(NOW + 30 * SECOND, closing());
    const opened = NOW + 90 * SECOND;
    await close(opened + QUARTER, closing());
    expect(await found()).toMatchObject({ failures: 1, open_at: opened + QUARTER + 30 * SECOND });
  });

  test("counts what many calls met at once, or while it was closed, as one failure", async () => {
    await close(NOW, closing(), closing(), closing());
    expect(await found()).toMatchObject({ failures: 1, open_at: NOW + 30 * SECOND });
    await close(NOW + SECOND, closing());
    expect(await found()).toMatchObject({ failures: 1, open_at: NOW + 31 * SECOND });
  });

  test("forgets its failures when X names a time", async () => {
    await close(NOW, closing());
    await close(NOW + 30 * SECOND, closing());
    await close(NOW + 90 * SECOND, closing({ opens_in_ms: 5 * SECOND }));
    expect(await found()).toMatchObject({ failures: 0, open_at: NOW + 95 * SECOND });
    await close(NOW + 95 * SECOND, closing());
    expect(await found()).toMatchObject({ failures: 1, open_at: NOW + 125 * SECOND });
  });
});

test("a gate whose opening X named opens then, and shows the window", async () => {
  await close(NOW, closing({ reason: "rate_limited", opens_in_ms: 9 * SECOND, limit: 100, remaining: 0 }));
  expect(await found()).toEqual({
    name: "account:acc_1",
    open_at: NOW + 9 * SECOND,
    reason: "rate_limited",
    failures: 0,
    limit: 100,
    remaining: 0,
    resets_at: NOW + 9 * SECOND,
    faults: 0,
    probe: null,
    shut_at: null,
    held_by: null,
    updated_at: NOW,
  });
});

test("an already later opening stays", async () => {
  await close(NOW, closing({ opens_in_ms: 3600 * SECOND }));
  await close(NOW + 1, closing({ opens_in_ms: 5 * SECOND }), closing());
  expect((await found())?.open_at).toBe(NOW + 3600 * SECOND);
});

test("the app of a gate is that of the job's lane", async () => {
  await close(NOW, closing({ name: "app:{app}" }));
  expect(await found("app:app_1")).not.toBeNull();
});

test.each([
  ["the job runs under another lease", { lease: "lse_2" }],
  ["the job is not there", { job_id: "job_2" }],
  ["the job is another client's", { client_id: "cli_2" }],
])("nothing is closed when %s", async (_, change) => {
  await close(NOW, closing(change));
  expect(await found()).toBeNull();
});

test("a lane's closed gates are listed, and open ones and others' are not", async () => {
  await put(env.DB, "gates", { name: "x:tweets", open_at: NOW, reason: "r", updated_at: 0 });
  await put(env.DB, "gates", {
    name: "app:app_1",
    open_at: NOW + 1,
    reason: "credits_depleted",
    updated_at: 0,
  });
  await put(env.DB, "gates", { name: "app:app_2", open_at: NOW + 1, reason: "r", updated_at: 0 });
  expect(await all(gates.closedFor(db, NOW, ["tweets:acc_1", "tweets:acc_9"]))).toEqual([
    { lane: "tweets:acc_1", name: "app:app_1", reason: "credits_depleted", open_at: NOW + 1 },
  ]);
});

test("reconnecting an account opens its own gate alone", async () => {
  for (const name of ["account:acc_1", "account:acc_12", "window:acc_1:POST /2/tweets"])
    await put(env.DB, "gates", { name, open_at: NOW + 1, reason: "r", updated_at: 0 });
  await gates.openAccount(db, "acc_1").run();
  expect(await found()).toBeNull();
  expect(await found("account:acc_12")).not.toBeNull();
  expect(await found("window:acc_1:POST /2/tweets")).not.toBeNull();
});

describe("what a token decides", () => {
  const gate = () => first<GateRow>(env.DB.prepare("SELECT * FROM gates WHERE name = 'account:acc_1'"));

  beforeEach(() => put(env.DB, "accounts", accountRow({ token_version: 4 })));

  test("closes the account's gate while it is the one that was refused", async () => {
    await gates.close(env.DB, NOW, [closing({ reason: "refreshing", token_version: 3 })]).run();
    expect(await gate()).toBeNull();
    await gates.close(env.DB, NOW, [closing({ reason: "refreshing", token_version: 4 })]).run();
    expect(await gate()).toMatchObject({ reason: "refreshing" });
  });

  test.each(["refreshing", "token_rejected", "token_unavailable"])(
    "a new one opens what was %s",
    async (reason) => {
      await gates.close(env.DB, NOW, [closing({ reason })]).run();
      await gates.openForToken(env.DB, "acc_1").run();
      expect(await gate()).toBeNull();
    },
  );

  test("a new one opens nothing that is closed for another reason", async () => {
    await gates.close(env.DB, NOW, [closing({ reason: "locked" })]).run();
    await gates.openForToken(env.DB, "acc_1").run();
    expect(await gate()).toMatchObject({ reason: "locked" });
  });

  test("a grant that is dead shuts it until somebody connects, and what comes later does not say otherwise", async () => {
    const shut = { state: "reconnect_required", reason: "reconnect" } as const;
    await gates.shutAccount(env.DB, NOW, "acc_1", shut).run();
    expect(await gate()).toBeNull();
    await env.DB.prepare("UPDATE accounts SET state = 'reconnect_required'").run();
    await gates.shutAccount(env.DB, NOW, "acc_1", shut).run();
    for (const opens_in_ms of [null, 5000])
      await gates.close(env.DB, NOW, [closing({ reason: "locked", opens_in_ms })]).run();
    expect(await gate()).toMatchObject({ reason: "reconnect", open_at: NEVER });
  });

  test("it shuts over what was closed before", async () => {
    await gates.close(env.DB, NOW, [closing({ reason: "locked" })]).run();
    await env.DB.prepare("UPDATE accounts SET state = 'disconnected'").run();
    const shut = { state: "disconnected", reason: "disconnected" } as const;
    await gates.shutAccount(env.DB, NOW, "acc_1", shut).run();
    expect(await gate()).toMatchObject({ reason: "disconnected", open_at: NEVER });
  });
});

describe("a pause", () => {
  const reason = async () => (await gate("account:acc_1"))?.reason ?? null;
  const gate = (name: string) =>
    env.DB.prepare("SELECT reason FROM gates WHERE name = ?").bind(name).first<{ reason: string }>();

  test("shuts the gate of a paused account alone, and is open again once it is resumed", async () => {
    await put(env.DB, "accounts", accountRow());
    await gates.pause(env.DB, NOW, "acc_1").run();
    expect(await reason()).toBeNull();
    await accounts.setPaused(env.DB, "acc_1", NOW, NOW).run();
    await gates.pause(env.DB, NOW, "acc_1").run();
    expect(await reason()).toBe("paused");
    await gates.openForToken(env.DB, "acc_1").run();
    expect(await reason()).toBe("paused");
    await gates.resume(env.DB, "acc_1").run();
    expect(await reason()).toBeNull();
  });

  test("outlives a reconnect, which opens whatever else was shut", async () => {
    await put(env.DB, "accounts", accountRow({ paused_at: NOW, state: "reconnect_required" }));
    await gates.shutAccount(env.DB, NOW, "acc_1", { state: "reconnect_required", reason: "reconnect" }).run();
    await gates.pause(env.DB, NOW, "acc_1").run();
    expect(await reason()).toBe("reconnect");
    await env.DB.batch([gates.openAccount(env.DB, "acc_1"), gates.pause(env.DB, NOW, "acc_1")]);
    expect(await reason()).toBe("paused");
  });
});

describe("a job that stops short", () => {
  const HELD = "thread:acc_1";
  const hold = (lease = "lse_1") =>
    gates.hold(db, NOW, [{ client_id: "cli_1", job_id: "job_1", lease }]).run();
  const end = (state: JobRow["state"], open: 1 | null) =>
    env.DB.prepare("UPDATE jobs SET state = ?, open = ?, lease = NULL, finished_at = ?")
      .bind(state, open, state === "failed" || state === "succeeded" ? NOW : null)
      .run();

  test("holds its account's gate of threads, while it still runs under its lease", async () => {
    await hold("lse_2");
    expect(await found(HELD)).toBeNull();
    await hold();
    await hold();
    expect(await found(HELD)).toMatchObject({ open_at: NEVER, reason: "thread_held", held_by: "job_1" });
  });

  test("outlasts whatever else happens to the account", async () => {
    await hold();
    await put(db, "accounts", accountRow());
    await close(NOW, closing({ reason: "refreshing" }));
    await gates.openForToken(db, "acc_1").run();
    await gates.openAccount(db, "acc_1").run();
    expect(await found(HELD)).toMatchObject({ reason: "thread_held" });
  });

  test.each([
    ["goes on", "queued", 1, true, false],
    ["was resolved", "succeeded", null, true, true],
    ["is left as it ended", "failed", null, false, true],
    ["is parked", "unknown", null, false, true],
  ] as const)("and %s", async (_, state, open, released, letGo) => {
    await hold();
    await end(state, open);
    await gates.release(db, "cli_1", ["job_1"]).run();
    expect((await found(HELD)) === null).toBe(released);
    await env.DB.prepare("DELETE FROM gates").run();
    await put(db, "gates", {
      name: HELD,
      reason: "r",
      open_at: NEVER,
      failures: 0,
      updated_at: 1,
      held_by: "job_1",
    });
    await gates.letGo(db, "cli_1", ["job_1"]).run();
    expect((await found(HELD)) === null).toBe(letGo);
  });

  test("lets go of nothing that another holds", async () => {
    await hold();
    await end("failed", null);
    await put(db, "jobs", jobIn("failed", { id: "job_2" }));
    await gates.letGo(db, "cli_1", ["job_2"]).run();
    await gates.letGo(db, "cli_2", ["job_1"]).run();
    expect(await found(HELD)).not.toBeNull();
  });
});
