import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import * as breaker from "#core/store/breaker";
import * as deliveries from "#core/store/deliveries";
import * as lanes from "#core/store/lanes";
import type { LaneRow, Look } from "#core/store/lanes";
import * as receivers from "#core/store/receivers";
import { all, first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { empty, jobIn, NOW, put, putLane } from "../../support/rows.ts";

const db = strict(env.DB);
const MINUTE = 60_000;
const GATE = "webhook:cli_1:whe_1";
const laneOf = (n: number, gate = GATE) => `${gate}/${n}:0`;

beforeEach(() => empty(env.DB));

/** A lane to a receiver, with a job that is due as the lane is. */
async function lane(n: number, next_at: number, change: Partial<LaneRow> = {}, gate = GATE) {
  const name = laneOf(n, gate);
  await putLane(env.DB, { lane: name, gates: JSON.stringify([gate]), next_at, ...change });
  const expires_at = NOW * 2;
  const id = `job_${gate.at(-1) ?? ""}${n}`;
  await put(env.DB, "jobs", jobIn("queued", { id, lane: name, due_at: next_at, expires_at, ordered: 0 }));
}
const held = (lease: string) => ({ lease, leased_until: NOW + MINUTE });
const down = (change: object = {}, name = GATE) =>
  put(env.DB, "gates", {
    name,
    open_at: NOW + MINUTE,
    reason: "endpoint_failing",
    faults: 10,
    shut_at: NOW,
    updated_at: NOW,
    ...change,
  });
const times = async () =>
  Object.fromEntries(
    (await all<LaneRow>(db.prepare("SELECT * FROM lanes ORDER BY lane"))).map(({ lane: name, next_at }) => [
      name.slice(GATE.length + 1),
      next_at,
    ]),
  );
const named = (rows: { lane: string }[]) => rows.map(({ lane: name }) => name);

test("the lanes to a receiver share its gate, also where its name has a port", () => {
  expect(receivers.receiverOf("webhook:cli_1:whe_1/15:0")).toBe(GATE);
  expect(receivers.receiverOf("webhook:cli_1:me.shop.com:8443/3:0")).toBe("webhook:cli_1:me.shop.com:8443");
  expect(receivers.receiverOf("tweets:acc_1")).toBeNull();
  expect(receivers.receiversAmong([GATE, "x:tweets", GATE])).toEqual([GATE]);
});

describe("a commit that has found a receiver to be down", () => {
  const toWake = (lease = "lse_1", gates = [GATE]) =>
    all<deliveries.DueLane>(receivers.toWake(db, NOW, lease, gates));

  test("puts off what is due to when its gate opens, and leaves what is due later or held", async () => {
    await down();
    await lane(1, NOW - 1000);
    await lane(2, NOW + 2 * MINUTE);
    await lane(3, NOW - 1000, held("lse_2"));
    await putLane(env.DB, { lane: laneOf(4), next_at: null });
    await lane(1, NOW - 1000, {}, `${GATE}0`);
    await receivers.putOff(db, NOW, [GATE]).run();
    expect(await times()).toEqual({
      "1:0": NOW + MINUTE,
      "2:0": NOW + 2 * MINUTE,
      "3:0": NOW - 1000,
      "4:0": null,
      "/1:0": NOW - 1000,
    });
  });

  test("wakes the one lane that is due first then, whoever of those that are free or its own", async () => {
    await down();
    await lane(1, NOW - 1000, held("lse_2"));
    await lane(2, NOW + 5 * MINUTE);
    await lane(3, NOW - 1000, held("lse_1"));
    expect(await toWake()).toEqual([{ lane: laneOf(3), next_at: NOW + MINUTE, wait_ms: MINUTE }]);
    expect(await toWake("lse_3")).toEqual([
      { lane: laneOf(2), next_at: NOW + 5 * MINUTE, wait_ms: 5 * MINUTE },
    ]);
  });

  test("wakes one of each receiver", async () => {
    const other = "webhook:cli_1:whe_2";
    for (const gate of [GATE, other]) {
      await down({}, gate);
      for (const n of [1, 2, 3]) await lane(n, NOW, {}, gate);
    }
    expect(named(await toWake("lse_1", [GATE, other])).map((name) => receivers.receiverOf(name))).toEqual([
      GATE,
      other,
    ]);
  });

  test("leaves what is due in more than a quarter of an hour to the clock", async () => {
    await down();
    await lane(1, NOW + 16 * MINUTE);
    expect(await toWake()).toEqual([]);
  });

  test.each([
    ["has not failed often enough", { faults: 8, shut_at: null }],
    ["was down before", { shut_at: NOW - 1 }],
  ])("of one that %s nothing is put off, and nobody is woken", async (_, change) => {
    await down(change);
    await lane(1, NOW - 1000);
    await receivers.putOff(db, NOW, [GATE]).run();
    expect(await times()).toEqual({ "1:0": NOW - 1000 });
    expect(await toWake()).toEqual([]);
  });
});

test("one that has got through to it wakes all that are due, also what came while it was tried", async () => {
  await down({ faults: 0, open_at: NOW, shut_at: NOW - MINUTE });
  await lane(1, NOW - 1000);
  await lane(2, NOW + breaker.PROBE_MS);
  await lane(3, NOW + breaker.PROBE_MS + 1);
  await lane(4, NOW - 1000, held("lse_1"));
  await receivers.hurry(db, NOW, [GATE]).run();
  const woken = await all<deliveries.DueLane>(receivers.toWake(db, NOW, "lse_1", [GATE]));
  expect(woken.map(({ lane: name, wait_ms }) => [name, wait_ms])).toEqual([
    [laneOf(1), 0],
    [laneOf(2), 0],
  ]);
});

test("one event more that gets through hurries nothing", async () => {
  await down({ faults: 0, open_at: NOW - MINUTE, shut_at: NOW - 2 * MINUTE });
  await lane(1, NOW + 1000);
  await receivers.hurry(db, NOW, [GATE]).run();
  expect(await times()).toEqual({ "1:0": NOW + 1000 });
});

describe("while a receiver is down", () => {
  const clocks = async (now: number) =>
    named(await all<{ lane: string }>(lanes.due(db, now, 90_000, { next_at: -1, lane: "" }, 100)));
  const told = async (now: number) =>
    named(await all<deliveries.DueLane>(deliveries.due(db, now, ["cli_1"])));

  test("the clock wakes its first free lane, once a wake-up must have been lost, and all others as ever", async () => {
    await down();
    await lane(3, NOW + MINUTE);
    await lane(2, NOW + MINUTE);
    await lane(1, NOW + MINUTE, { lease: "lse_1", leased_until: NOW + 10 * MINUTE });
    await lane(1, NOW + MINUTE, {}, "webhook:cli_1:whe_2");
    await putLane(env.DB, { lane: "tweets:acc_1", next_at: NOW + MINUTE });
    const others = ["tweets:acc_1", laneOf(1, "webhook:cli_1:whe_2")];
    expect(await clocks(NOW)).toEqual(others);
    expect(await clocks(NOW + 2 * MINUTE - 1)).toEqual(others);
    expect((await clocks(NOW + 2 * MINUTE)).sort()).toEqual([...others, laneOf(2)].sort());
  });

  test("what comes before its gate opens wakes nobody, nor what comes after that while a lane is to try it", async () => {
    await down();
    await lane(1, NOW + MINUTE);
    await lane(2, NOW + MINUTE + 1);
    expect(await told(NOW + MINUTE)).toEqual([]);
    expect(await told(NOW + 5 * MINUTE)).toEqual([]);
  });

  test("what comes after that wakes the first lane if none was to try it", async () => {
    await down();
    await lane(1, NOW + 5 * MINUTE);
    await lane(3, NOW + 2 * MINUTE);
    await lane(2, NOW + 2 * MINUTE + 1);
    expect(await told(NOW + 2 * MINUTE)).toEqual([laneOf(3)]);
    expect(await told(NOW + 9 * MINUTE)).toEqual([laneOf(3)]);
  });

  test("who gives a lane back that is due later does not wake it; where it is due now, it does", async () => {
    await lane(1, NOW + MINUTE);
    const wait = async (now: number) =>
      (await first<Look>(lanes.look(db, now, "lse_1", [laneOf(1)])))?.wait_ms;
    expect(await wait(NOW)).toBe(MINUTE);
    await down();
    expect(await wait(NOW)).toBeNull();
    expect(await wait(NOW + MINUTE)).toBe(0);
  });

  test("a delivery that comes is due when its gate opens, or when it expires", async () => {
    await down();
    const deliver = (n: number, change: object) =>
      put(
        env.DB,
        "jobs",
        jobIn("queued", { id: `job_${n}`, kind: "webhook.deliver", lane: laneOf(n), ...change }),
      );
    await deliver(1, { due_at: NOW, expires_at: NOW * 2 });
    await deliver(2, { due_at: NOW + 2 * MINUTE, expires_at: NOW * 2 });
    await deliver(3, { due_at: NOW, expires_at: NOW + 1000 });
    expect(await times()).toEqual({ "1:0": NOW + MINUTE, "2:0": NOW + 2 * MINUTE, "3:0": NOW + 1000 });
  });
});
