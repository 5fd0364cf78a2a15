import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import * as carried from "#core/store/carried";
import * as lanes from "#core/store/lanes";
import type { LaneRow } from "#core/store/lanes";
import { first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { empty, jobIn, NOW, put, putLane } from "../../support/rows.ts";

const db = strict(env.DB);
const LANE = "tweets:acc_1";

beforeEach(() => empty(env.DB));

const found = () => first<LaneRow>(lanes.find(db, LANE));
const putJob = (...of: Parameters<typeof jobIn>) => put(env.DB, "jobs", jobIn(...of));

describe("what is counted of a lane that is still held", () => {
  const carry = (of: { claims: number; others: boolean }) =>
    db.batch([
      db.prepare("UPDATE jobs SET attempts = attempts WHERE id = 'job_1'"),
      carried.carry(db, "lse_1", [{ lane: LANE, carried: '{"a":1}' }], of),
    ]);
  const held = async (change = {}) => {
    await env.DB.prepare("DELETE FROM lanes").run();
    await putLane(env.DB, { lease: "lse_1", leased_until: NOW + 1, ...change });
  };

  test("is kept where no claim took it along, however often that is said", async () => {
    await held();
    await putJob("waiting");
    await carry({ claims: 2, others: false });
    await carry({ claims: 2, others: false });
    expect((await found())?.carried).toBe('{"a":1}');
  });

  test("is not kept where a job runs: its claim took it along", async () => {
    await held();
    await putJob("running", { lease: "lse_1" });
    await carry({ claims: 2, others: false });
    await carry({ claims: 0, others: true });
    expect((await found())?.carried).toBeNull();
  });

  test("is not even looked for where every claim was met", async () => {
    await held();
    await putJob("waiting");
    await carry({ claims: 1, others: false });
    expect((await found())?.carried).toBeNull();
    await carry({ claims: 1, others: true });
    expect((await found())?.carried).toBe('{"a":1}');
  });

  test("is not kept by one who does not hold the lane, and is gone when it is given back or taken", async () => {
    await held({ lease: "lse_2" });
    await carry({ claims: 2, others: false });
    expect((await found())?.carried).toBeNull();
    await held({ carried: "{}" });
    await lanes.handBack(db, NOW, "lse_1", [lanes.untouched(LANE)]).run();
    expect((await found())?.carried).toBeNull();
    await held({ leased_until: NOW, carried: "{}" });
    await lanes.lease(db, NOW, "lse_2", [LANE], 1, {}).run();
    expect(await found()).toMatchObject({ lease: "lse_2", carried: null });
  });
});
