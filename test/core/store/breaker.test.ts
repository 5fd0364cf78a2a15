import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import * as breaker from "#core/store/breaker";
import type { GateRow } from "#core/store/gates";
import { strict } from "../../support/database.ts";
import { empty, jobIn, NOW, put, putLane } from "../../support/rows.ts";

const db = strict(env.DB);
const SECOND = 1000;
const GATE = "x:tweets";

beforeEach(async () => {
  await empty(env.DB);
  await lane(1, "running");
});

/** A lane behind the gate, held, with a job. */
async function lane(index: number, state: "running" | "queued" | "unknown", change: object = {}) {
  const name = `tweets:acc_${index}`;
  const held = { lease: "lse_1", leased_until: NOW + 9_000_000 };
  await putLane(env.DB, { lane: name, gates: `["${GATE}","account:acc_${index}"]`, ...held });
  await put(env.DB, "jobs", jobIn(state, { id: `job_${index}`, lane: name, expires_at: NOW * 2, ...change }));
}

const heard = (faults: number, job = "job_1", lease = "lse_1") => ({
  name: GATE,
  faults,
  client_id: "cli_1",
  job_id: job,
  lease,
});
const count = (now: number, ...hearings: breaker.Hearing[]) => breaker.count(db, now, hearings).run();
const times = (n: number, one: breaker.Hearing) => Array.from({ length: n }, () => one);
const probe = async (now: number, ...lanes: string[]) =>
  (await breaker.probe(db, now, "lse_1", lanes).run()).meta.changes;
const gate = (name = GATE) =>
  env.DB.prepare("SELECT * FROM gates WHERE name = ?").bind(name).first<GateRow>();

describe("a part of X", () => {
  test("breaks at ten faults, for 30 s", async () => {
    await count(NOW, ...times(9, heard(1)));
    expect(await gate()).toMatchObject({ faults: 9, open_at: 0, shut_at: null });
    await count(NOW, heard(1));
    expect(await gate()).toMatchObject({
      faults: 10,
      open_at: NOW + 30 * SECOND,
      shut_at: NOW,
      reason: "x_unavailable",
      probe: null,
    });
  });

  test("never breaks while nine answers come to a fault", async () => {
    for (let round = 0; round < 50; round++) await count(NOW, heard(1), ...times(9, heard(-1)));
    expect(await gate()).toMatchObject({ faults: 0, open_at: 0, shut_at: null });
  });

  test("is not written about by answers while there is no fault to take away", async () => {
    const { meta } = await count(NOW, heard(-1));
    expect(meta.rows_written).toBe(0);
    expect(await gate()).toBeNull();
  });

  test("is not told anything by a job that runs no longer, nor twice by one", async () => {
    await count(NOW, heard(1, "job_1", "lse_2"));
    expect(await gate()).toBeNull();
    await count(NOW, heard(1));
    await env.DB.exec("UPDATE jobs SET state = 'waiting', lease = NULL");
    await count(NOW, heard(1));
    expect(await gate()).toMatchObject({ faults: 1 });
  });
});

describe("when it is broken", () => {
  beforeEach(async () => {
    await count(NOW, ...times(10, heard(1)));
    await lane(2, "queued");
    await lane(3, "queued");
  });
  const OVER = NOW + 30 * SECOND;

  test("what others hear meanwhile says nothing", async () => {
    await count(NOW + SECOND, ...times(5, heard(1)), ...times(3, heard(-1)));
    expect(await gate()).toMatchObject({ faults: 10, open_at: OVER, failures: 1, shut_at: NOW });
  });

  test("nobody tries it before its time is over, and then one lane alone, for 30 s", async () => {
    expect(await probe(OVER - 1, "tweets:acc_2")).toBe(0);
    expect(await probe(OVER, "tweets:acc_2", "tweets:acc_3")).toBe(1);
    const first = (await gate())?.probe;
    const other = first === "tweets:acc_2" ? "tweets:acc_3" : "tweets:acc_2";
    expect(await gate()).toMatchObject({ faults: 10, open_at: OVER + 30 * SECOND });
    expect(await probe(OVER + 1, other)).toBe(0);
    expect(await probe(OVER + 30 * SECOND, other)).toBe(1);
    expect(await gate()).toMatchObject({ probe: other });
  });

  test.each([
    ["has nothing due", { due_at: NOW * 2 }],
    ["backs off", { next_attempt_at: NOW * 2 }],
    ["runs already", { state: "running", lease: "lse_1" }],
    ["has passed its time", { expires_at: NOW }],
  ])("a lane that %s does not try it", async (_, change) => {
    await lane(4, "queued", change);
    expect(await probe(OVER, "tweets:acc_4")).toBe(0);
  });

  test("a lane behind another closed gate does not try it", async () => {
    await put(env.DB, "gates", { name: "account:acc_2", open_at: NOW * 2, reason: "locked", updated_at: 0 });
    expect(await probe(OVER, "tweets:acc_2")).toBe(0);
    expect(await probe(OVER, "tweets:acc_2", "tweets:acc_3")).toBe(1);
  });

  test("an answer to the probe opens it at once", async () => {
    await env.DB.exec(
      "UPDATE jobs SET state = 'running', lease = 'lse_1', open = 1 WHERE lane = 'tweets:acc_2'",
    );
    await env.DB.exec(`UPDATE gates SET probe = 'tweets:acc_2', open_at = ${OVER + 30_000}`);
    await count(OVER + SECOND, heard(-1, "job_2"));
    expect(await gate()).toMatchObject({ faults: 0, open_at: OVER + SECOND, probe: null, shut_at: NOW });
  });

  test("a fault met by the probe shuts it for twice as long, up to 15 minutes", async () => {
    await env.DB.exec("UPDATE jobs SET state = 'running', lease = 'lse_1' WHERE lane = 'tweets:acc_2'");
    const waits = [];
    let now = OVER;
    for (let i = 0; i < 6; i++) {
      await env.DB.exec(`UPDATE gates SET probe = 'tweets:acc_2', open_at = ${now + 30_000}`);
      await count(now, heard(1, "job_2"));
      const row = await gate();
      expect(row).toMatchObject({ faults: 10, probe: null, shut_at: now });
      waits.push(((row?.open_at ?? 0) - now) / SECOND);
      now = row?.open_at ?? 0;
    }
    expect(waits).toEqual([60, 120, 240, 480, 900, 900]);
  });

  test("a job that is looked for tries the reads alone", async () => {
    await put(env.DB, "gates", {
      name: "x:reads",
      open_at: NOW,
      reason: "x_unavailable",
      faults: 10,
      updated_at: 0,
    });
    await lane(5, "unknown", { maybe_sent: 2 });
    expect(await probe(OVER, "tweets:acc_5")).toBe(1);
    expect(await gate("x:reads")).toMatchObject({ probe: "tweets:acc_5" });
    expect(await gate()).toMatchObject({ probe: null });
  });
});
