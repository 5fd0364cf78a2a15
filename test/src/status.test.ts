import { describe, expect, test } from "vitest";
import { openDoor, ADMIN_KEY, type Body } from "../support/door.ts";
import { file } from "../support/files.ts";
import { putMedium } from "../support/medium.ts";

type Status = {
  x: { part: string; state: string; since: string | null; opens_at: string | null; reason: string | null }[];
  waiting: {
    gates: { gate: string; reason: string; until: string | null; lanes: number; jobs: number }[];
    at_least: boolean;
  };
  queues: { queue: string; due_lanes: number; oldest_due_s: number | null }[];
  dead_letters: { count: number; at_least: boolean };
  unknown: { count: number; at_least: boolean };
  orphans: { count: number; at_least: boolean };
};

const AT_NOON = "2026-11-23T12:00:00.000Z";

async function opened() {
  const door = await openDoor();
  const { id, key, account_id } = await door.tenant();
  const there = await door.account(id, { shard: "1" });
  const post = (account: string, by = key) =>
    door.call("POST", "/v1/tweets", { key: by, body: { account_id: account, text: "hello" } });
  const status = async (by = key) =>
    (await door.call("GET", "/v1/status", { key: by })).body as unknown as Status;
  const breakPart = async (name: string, of: { shard?: "0" | "1"; open_at: number; probe?: string }) => {
    const db = of.shard === "1" ? door.env.DB_1 : door.env.DB;
    await db
      ?.prepare(
        "INSERT INTO gates (name, open_at, reason, faults, probe, shut_at, updated_at) VALUES (?, ?, 'x_unavailable', 10, ?, ?, 1)",
      )
      .bind(name, of.open_at, of.probe ?? null, door.now())
      .run();
  };
  return { door, id, key, here: account_id, there, post, status, breakPart };
}

describe("GET /v1/status", () => {
  test("says that all is well when nothing is wrong", async () => {
    const { status } = await opened();
    const well = { state: "well", reason: null, since: null, opens_at: null };
    expect(await status()).toMatchObject({
      at: AT_NOON,
      x: ["x:tweets", "x:oauth", "x:reads", "x:media", "x:timelines"].map((part) => ({ part, ...well })),
      waiting: { gates: [], at_least: false },
      queues: [
        { queue: "tweets", due_lanes: 0, oldest_due_s: null },
        { queue: "refresh", due_lanes: 0, oldest_due_s: null },
        { queue: "media", due_lanes: 0, oldest_due_s: null },
        { queue: "webhooks", due_lanes: 0, oldest_due_s: null },
      ],
      dead_letters: { count: 0, at_least: false },
      unknown: { count: 0, at_least: false },
      orphans: { count: 0, at_least: false },
    });
  });

  test("counts uploads whose bytes should have gone days ago, on every database", async () => {
    const { door, id: client_id, here, status } = await opened();
    const medium = { client_id, account_id: here, now: door.now() };
    await putMedium(file("image/png"), { ...medium, expires_at: door.now() - 2 * 86_400_000 });
    await putMedium(file("image/png"), { ...medium, expires_at: door.now() - 86_400_000 });
    expect((await status()).orphans).toEqual({ count: 1, at_least: false });
    expect((await status(ADMIN_KEY)).orphans).toEqual({ count: 1, at_least: false });
  });

  test("says since when a part of X is out of order, whichever database knows, and what waits for it", async () => {
    const { door, here, there, post, status, breakPart } = await opened();
    for (const account of [here, here, there]) await post(account);
    await breakPart("x:tweets", { shard: "1", open_at: door.now() + 30_000 });
    const { x, waiting } = await status();
    expect(x[0]).toEqual({
      part: "x:tweets",
      state: "out_of_order",
      reason: "x_unavailable",
      since: AT_NOON,
      opens_at: "2026-11-23T12:00:30.000Z",
    });
    const gate = { gate: "x:tweets", reason: "x_unavailable", until: "2026-11-23T12:00:30.000Z" };
    expect(waiting).toEqual({ gates: [{ ...gate, lanes: 1, jobs: 1 }], at_least: false });
    await breakPart("x:tweets", { open_at: door.now() + 30_000 });
    expect((await status()).waiting.gates).toEqual([{ ...gate, lanes: 2, jobs: 3 }]);
    door.advance(30_000);
    expect((await status()).x[0]).toMatchObject({ state: "probing" });
  });

  test("says which lanes are due that nobody works on, and since when", async () => {
    const { door, here, there, post, status } = await opened();
    await post(here);
    door.advance(4000);
    await post(there);
    door.advance(1500);
    expect((await status()).queues[0]).toEqual({ queue: "tweets", due_lanes: 2, oldest_due_s: 5.5 });
  });

  test("counts what is dead and what only a person can move", async () => {
    const { door, here, there, post, status } = await opened();
    const [a, b, c] = [await post(here), await post(there), await post(here)].map(({ body }) => body.id);
    for (const id of [a, b]) await door.setJob(id ?? "", { state: "dead", open: null, finished_at: 1 });
    await door.setJob(c ?? "", { state: "unknown", open: null, maybe_sent: 2 });
    const { dead_letters, unknown } = await status();
    expect([dead_letters, unknown]).toEqual([
      { count: 2, at_least: false },
      { count: 1, at_least: false },
    ]);
  });

  test("is of a client's own, of a narrowed key's accounts, and of everybody for the admin key", async () => {
    const { door, id, here, there, post, status } = await opened();
    const other = await door.tenant();
    for (const account of [here, there]) {
      const { body } = await post(account);
      await door.setJob(body.id, { state: "dead", open: null, finished_at: 1 });
    }
    await post(other.account_id, other.key);
    await door.closeGate(other.account_id, `account:${other.account_id}`, "locked", 9_000_000_000_000_000);
    const seen = async (key: string) => {
      const { dead_letters, waiting, queues } = await status(key);
      return [dead_letters.count, waiting.gates.map(({ gate }) => gate), queues[0]?.due_lanes];
    };
    const theirs = [`account:${other.account_id}`];
    expect(await seen(await door.key(id))).toEqual([2, [], 2]);
    expect(await seen(await door.key(id, { account_ids: [there] }))).toEqual([1, [], 1]);
    expect(await seen(other.key)).toEqual([0, theirs, 1]);
    expect(await seen(ADMIN_KEY)).toEqual([2, theirs, 3]);
    const { waiting } = await status(other.key);
    expect(waiting.gates[0]).toMatchObject({ reason: "locked", until: null, lanes: 1, jobs: 1 });
  });

  test("is shown to keys that read jobs and to those that manage, to no other", async () => {
    const { door, id } = await opened();
    const asked = async (scopes: ("jobs:read" | "jobs:write" | "admin")[]) =>
      (await door.call("GET", "/v1/status", { key: await door.key(id, { scopes }) })).status;
    expect([await asked(["jobs:read"]), await asked(["admin"]), await asked(["jobs:write"])]).toEqual([
      200, 200, 403,
    ]);
  });
});

describe("a job that waits for a part of X", () => {
  test.each<[string, Partial<Body>, string]>([
    ["a tweet waits for X's tweets", {}, "x:tweets"],
    ["a look waits for X's reads", { state: "unknown" }, "x:reads"],
  ])("says so in blocked_on: %s", async (_, change, gate) => {
    const { door, key, here, post, breakPart } = await opened();
    const { body } = await post(here);
    if (change.state === "unknown") await door.setJob(body.id, { state: "unknown", maybe_sent: 2 });
    await breakPart(gate, { open_at: door.now() + 30_000 });
    const job = (await door.call("GET", `/v1/jobs/${body.id}`, { key })).body;
    expect(job.blocked_on).toEqual({ gate, reason: "x_unavailable", until: "2026-11-23T12:00:30.000Z" });
    expect((await door.call("GET", "/v1/jobs", { key })).body.data[0]).toEqual(job);
  });
});
