import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import * as lanes from "#core/store/lanes";
import type { LaneRow, Look } from "#core/store/lanes";
import { all, first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { empty, jobIn, NOW, put, putLane } from "../../support/rows.ts";

const db = strict(env.DB);
const LANE = "tweets:acc_1";

beforeEach(() => empty(env.DB));

const found = (lane = LANE) => first<LaneRow>(lanes.find(db, lane));
const putJob = (...of: Parameters<typeof jobIn>) => put(env.DB, "jobs", jobIn(...of));
const gate = (name: string, open_at: number) =>
  put(env.DB, "gates", { name, open_at, reason: "test", updated_at: 0 });

describe("schedule", () => {
  const account = {
    id: "acc_1",
    client_id: "cli_1",
    app_id: "app_7",
    x_user_id: "1",
    username: "u",
    name: "U",
  };
  beforeEach(() =>
    put(env.DB, "accounts", {
      ...account,
      scopes: "[]",
      state: "connected",
      token_version: 1,
      token_issued_at: 0,
      token_origin: "connect",
      created_at: 0,
      updated_at: 0,
    }),
  );
  const schedule = (id = "job_1") =>
    all(lanes.schedule(db, NOW, [{ client_id: "cli_1", id, gates: '["app:{app}","account:{account}"]' }]));

  test("makes the lane, due with its job, and fills in the names of its gates", async () => {
    await putJob("queued", { due_at: NOW + 5000 });
    expect(await schedule()).toEqual([{ lane: LANE, wait_ms: 5000 }]);
    expect(await found()).toEqual({
      lane: LANE,
      client_id: "cli_1",
      account_id: "acc_1",
      app_id: "app_7",
      gates: '["app:app_7","account:acc_1"]',
      next_at: NOW + 5000,
      lease: null,
      leased_until: null,
      calls: null,
      money: null,
      served_at: 0,
      carried: null,
      window: null,
      newest: null,
    });
  });

  test.each([
    ["an empty lane is due with the job", null, NOW + 5000, true],
    ["a lane due later is due with the job", NOW + 9000, NOW + 5000, true],
    ["a lane due before stays as it is", NOW + 1000, NOW + 1000, false],
    ["a lane due at the same time stays as it is", NOW + 5000, NOW + 5000, false],
  ])("%s", async (_, before, after, moved) => {
    await putLane(env.DB, { next_at: before });
    await putJob("queued", { due_at: NOW + 5000 });
    expect((await schedule()).length > 0).toBe(moved);
    expect((await found())?.next_at).toBe(after);
  });

  test("a job that has ended or is not there schedules nothing", async () => {
    await putJob("canceled");
    expect(await schedule()).toEqual([]);
    expect(await schedule("job_2")).toEqual([]);
    expect(await found()).toBeNull();
  });
});

describe("lease", () => {
  test.each([
    ["a free lane that is due is taken", {}, true],
    ["one whose lease ran out is taken", { lease: "lse_old", leased_until: NOW }, true],
    ["one that is held is not", { lease: "lse_old", leased_until: NOW + 1 }, false],
    ["one that is not due is not", { next_at: NOW + 1 }, false],
    ["an empty one is not", { next_at: null }, false],
  ])("%s", async (_, lane, taken) => {
    await putLane(env.DB, lane);
    await lanes.lease(db, NOW, "lse_me", [LANE], 75_000, {}).run();
    const row = await found();
    if (taken) expect(row).toMatchObject({ lease: "lse_me", leased_until: NOW + 75_000 });
    else expect(row).toMatchObject(lane);
  });

  test("a lane that this lease holds already keeps its end: a commit may be sent again", async () => {
    await putLane(env.DB);
    await lanes.lease(db, NOW, "lse_me", [LANE], 75_000, {}).run();
    await lanes.lease(db, NOW + 5000, "lse_me", [LANE], 75_000, {}).run();
    expect(await found()).toMatchObject({ leased_until: NOW + 75_000 });
  });

  test("a lane is leased or it is not", async () => {
    await expect(putLane(env.DB, { lease: "lse_1" })).rejects.toThrow("constraint");
    await expect(putLane(env.DB, { leased_until: 1 })).rejects.toThrow("constraint");
  });
});

describe("look", () => {
  const look = async (lease = "lse_1") => first<Look>(lanes.look(db, NOW, lease, [LANE]));

  test("shows its holder the lane's first job", async () => {
    await putLane(env.DB, { lease: "lse_1", leased_until: NOW + 1 });
    await putJob("running", { id: "job_2", due_at: NOW - 9 });
    await putJob("queued", { id: "job_1", due_at: NOW - 5 });
    expect(await look()).toMatchObject({
      lane: LANE,
      held: 1,
      running: 1,
      overdue: 0,
      suspect: 0,
      id: "job_2",
    });
  });

  test.each([
    ["another's lane", { lease: "lse_2", leased_until: NOW + 1 }, 1],
    ["a lane whose lease ran out", { lease: "lse_1", leased_until: NOW }, 0],
    ["a free lane", {}, 0],
  ])("shows nothing of a job in %s", async (_, lane, held) => {
    await putLane(env.DB, { ...lane, next_at: NOW + 7 });
    await putJob("queued");
    expect(await look()).toMatchObject({ held, id: null, running: null, wait_ms: 7 });
  });

  test("tells a job whose time has passed, and one that crashed twice", async () => {
    await putLane(env.DB, { lease: "lse_1", leased_until: NOW + 1 });
    await putJob("waiting", { expires_at: NOW, crashes: 2 });
    expect(await look()).toMatchObject({ overdue: 1, suspect: 1, running: 0 });
  });

  test("a job that crashed twice is no suspect while it need not run", async () => {
    await putLane(env.DB, { lease: "lse_1", leased_until: NOW + 1, gates: '["x:tweets"]' });
    await gate("x:tweets", NOW + 1);
    await putJob("waiting", { crashes: 2 });
    expect(await look()).toMatchObject({ suspect: 0 });
  });
});

describe("handBack: when the lane is next due", () => {
  const GATES = '["x:tweets","app:app_1","account:acc_1","window:acc_1:POST /2/tweets"]';
  const handBack = async (window: string | null = null, lease = "lse_1") => {
    await lanes.handBack(db, NOW, lease, [{ ...lanes.untouched(LANE), window }]).run();
    return found();
  };
  beforeEach(() =>
    putLane(env.DB, { lease: "lse_1", leased_until: NOW + 1, gates: GATES, window: '{"limit":1}' }),
  );

  test("an empty lane never is", async () => {
    await putJob("succeeded");
    expect(await handBack()).toMatchObject({ lease: null, leased_until: null, next_at: null });
  });

  test("with its first job", async () => {
    await putJob("queued", { id: "job_2", due_at: NOW + 2, expires_at: NOW + 99 });
    await putJob("queued", { id: "job_1", due_at: NOW + 3 });
    expect((await handBack())?.next_at).toBe(NOW + 2);
  });

  test("when its first job's backoff is over", async () => {
    await putJob("waiting", { next_attempt_at: NOW + 50 });
    expect((await handBack())?.next_at).toBe(NOW + 50);
  });

  test.each(JSON.parse(GATES) as string[])("when the gate %s opens", async (name) => {
    await gate(name, NOW + 70);
    await putJob("queued");
    expect((await handBack())?.next_at).toBe(NOW + 70);
  });

  test("when the last of its gates opens; open ones and others' do not count", async () => {
    await gate("x:tweets", NOW + 70);
    await gate("app:app_1", NOW + 90);
    await gate("account:acc_1", NOW);
    await gate("account:acc_2", NOW + 900);
    await putJob("queued");
    expect((await handBack())?.next_at).toBe(NOW + 90);
  });

  test("when its first job expires, if that is before", async () => {
    await gate("x:tweets", NOW + 5000);
    await putJob("queued", { expires_at: NOW + 100 });
    expect((await handBack())?.next_at).toBe(NOW + 100);
  });

  test("a job that may have been sent does not expire", async () => {
    await gate("x:tweets", NOW + 5000);
    await putJob("unknown", { expires_at: NOW + 100 });
    expect((await handBack())?.next_at).toBe(NOW + 5000);
  });

  test("its window is kept unless there is news of it", async () => {
    expect((await handBack())?.window).toBe('{"limit":1}');
  });

  test("its window is what X said last", async () => {
    expect((await handBack('{"limit":100}'))?.window).toBe('{"limit":100}');
  });

  test("only its holder gives it back", async () => {
    expect(await handBack(null, "lse_2")).toMatchObject({ lease: "lse_1", next_at: NOW });
  });

  test("many lanes at once", async () => {
    const more = Array.from({ length: 25 }, (_, i) => `tweets:acc_x${i}`);
    for (const lane of more) await putLane(env.DB, { lane, lease: "lse_1", leased_until: NOW + 1 });
    await lanes
      .handBack(
        db,
        NOW,
        "lse_1",
        more.map((lane) => lanes.untouched(lane)),
      )
      .run();
    for (const lane of more) expect(await found(lane)).toMatchObject({ lease: null, next_at: null });
    expect(await found()).toMatchObject({ lease: "lse_1" });
  });
});

describe("due", () => {
  const due = async (after = { next_at: -1, lane: "" }, limit = 10) =>
    (await all<{ lane: string }>(lanes.due(db, NOW, 1000, after, limit))).map(({ lane }) => lane);

  test("finds what is due soon and free, in the order of its time", async () => {
    await putLane(env.DB, { lane: "b", next_at: NOW - 5 });
    await putLane(env.DB, { lane: "a", next_at: NOW + 1000 });
    await putLane(env.DB, { lane: "held", lease: "l", leased_until: NOW + 1 });
    await putLane(env.DB, { lane: "left", lease: "l", leased_until: NOW });
    await putLane(env.DB, { lane: "later", next_at: NOW + 1001 });
    await putLane(env.DB, { lane: "empty", next_at: null });
    expect(await due()).toEqual(["b", "left", "a"]);
  });

  test("goes on where it stopped, also among lanes of the same time", async () => {
    for (const lane of ["a", "b", "c"]) await putLane(env.DB, { lane });
    expect(await due(undefined, 2)).toEqual(["a", "b"]);
    expect(await due({ next_at: NOW, lane: "b" }, 2)).toEqual(["c"]);
  });

  test("reads no more rows than it finds: the index serves it", async () => {
    for (let i = 0; i < 50; i++) await putLane(env.DB, { lane: `later${i}`, next_at: NOW + 1_000_000 });
    await putLane(env.DB, { lane: "now" });
    const { meta } = await lanes.due(db, NOW, 1000, { next_at: -1, lane: "" }, 10).all();
    expect(meta.rows_read).toBeLessThanOrEqual(4);
  });
});

describe("hurry", () => {
  const hurry = () => all(lanes.hurry(db, NOW, "cli_1", "job_1"));

  test("a lane whose canceled job backed off is looked at now", async () => {
    await putLane(env.DB, { next_at: NOW + 900_000 });
    await putJob("canceled");
    expect(await hurry()).toEqual([{ lane: LANE, wait_ms: 0 }]);
    expect(await found()).toMatchObject({ next_at: NOW });
  });

  test.each([
    ["is due anyway", "canceled", NOW],
    ["has nothing to do", "canceled", null],
    ["has its job still", "waiting", NOW + 900_000],
  ] as const)("a lane that %s is left as it is", async (_, state, next_at) => {
    await putLane(env.DB, { next_at });
    await putJob(state);
    expect(await hurry()).toEqual([]);
    expect(await found()).toMatchObject({ next_at });
  });
});
