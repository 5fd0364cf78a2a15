import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { batchJobId } from "#core/lib/ids";
import * as batchParts from "#core/store/batch-parts";
import type { BatchPartRow } from "#core/store/batch-parts";
import { all, first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { accountRow, empty, jobIn, NOW, put } from "../../support/rows.ts";

const db = strict(env.DB);
const BATCH = "bat_01KAB3C4D5V1StGXR8Z5jd0";
const ref = { client_id: "cli_1", id: BATCH };
const anywhere = { home: false, accounts: [] };

const found = () => first<BatchPartRow>(batchParts.find(db, ref));
const putJobs = async (states: Parameters<typeof jobIn>[0][]) => {
  for (const [index, state] of states.entries())
    await put(env.DB, "jobs", jobIn(state, { id: batchJobId(BATCH, index, "0"), batch_id: BATCH }));
};
const end = (index: number) =>
  env.DB.prepare(
    "UPDATE jobs SET state = 'succeeded', open = NULL, lease = NULL, finished_at = 1 WHERE id = ?",
  )
    .bind(batchJobId(BATCH, index, "0"))
    .run();

beforeEach(() => empty(env.DB));

describe("a part is begun", () => {
  test("once", async () => {
    await batchParts.open(db, NOW, ref, anywhere).run();
    await batchParts.open(db, NOW + 1, ref, anywhere).run();
    expect(await found()).toMatchObject({ taken_at: NOW, last_open: null, counts: null, told: 0 });
  });

  test("only beside its batch, where that lives here", async () => {
    await batchParts.open(db, NOW, ref, { home: true, accounts: [] }).run();
    expect(await found()).toBeNull();
  });

  test("only while its accounts can be used", async () => {
    const only = { home: false, accounts: ["acc_1"] };
    await batchParts.open(db, NOW, ref, only).run();
    expect(await found()).toBeNull();
    await put(env.DB, "accounts", accountRow());
    await batchParts.open(db, NOW, ref, only).run();
    expect(await found()).not.toBeNull();
  });
});

describe("with jobs", () => {
  beforeEach(async () => {
    await batchParts.open(db, NOW, ref, anywhere).run();
    await putJobs(["queued", "running", "queued"]);
    await batchParts.recount(db, ref).run();
  });
  const lastOpen = async () => (await found())?.last_open;
  const advance = () => batchParts.advance(db, [ref]).run();

  test("it knows its last open one, and writes nothing while that is open", async () => {
    expect(await lastOpen()).toBe(batchJobId(BATCH, 2, "0"));
    await end(0);
    const { meta } = await advance();
    expect(meta.changes).toBe(0);
    expect(meta.rows_read).toBeLessThan(5);
  });

  test("it goes down to the next one, and counts when there is none", async () => {
    await end(2);
    await advance();
    expect(await lastOpen()).toBe(batchJobId(BATCH, 1, "0"));
    await end(0);
    await end(1);
    await advance();
    expect(await found()).toMatchObject({ last_open: null, told: 0 });
    expect(JSON.parse((await found())?.counts ?? "")).toEqual([
      {
        state: "succeeded",
        later: 0,
        count: 3,
        first_due_at: NOW - 1000,
        last_due_at: NOW - 1000,
        estimated: 0,
        actual: 0,
      },
    ]);
    expect((await advance()).meta.changes).toBe(0);
  });

  test("jobs of other batches and none are not looked at", async () => {
    for (const id of ["job_01KAB3C4D5V1StGXR9zzzz0", "job_01KAB3C4D4V1StGXR8zzzz0"])
      await put(env.DB, "jobs", jobIn("queued", { id }));
    for (const index of [0, 1, 2]) await end(index);
    await advance();
    expect(await lastOpen()).toBeNull();
  });

  test("it is open again, and untold, when one is given a new life", async () => {
    for (const index of [0, 1, 2]) await end(index);
    await advance();
    await batchParts.tell(db, ref).run();
    expect(await found()).toMatchObject({ told: 1 });
    await env.DB.prepare("UPDATE jobs SET state = 'queued', open = 1, finished_at = NULL WHERE id = ?")
      .bind(batchJobId(BATCH, 1, "0"))
      .run();
    await batchParts.recount(db, ref).run();
    expect(await found()).toMatchObject({ last_open: batchJobId(BATCH, 1, "0"), counts: null, told: 0 });
  });

  test("the clock finds it once its last one ended and nobody told", async () => {
    const untold = () => all(batchParts.untold(db, { client_id: "", id: "" }, 10));
    expect(await untold()).toEqual([]);
    for (const index of [0, 1, 2]) await end(index);
    expect(await untold()).toEqual([ref]);
    await batchParts.tell(db, ref).run();
    expect(await untold()).toEqual([ref]);
    await advance();
    await batchParts.tell(db, ref).run();
    expect(await untold()).toEqual([]);
  });

  test("it is deleted once it was told of and its jobs are gone", async () => {
    const prune = () => batchParts.prune(db, ["cli_1"], "bat_~", 10).run();
    for (const index of [0, 1, 2]) await end(index);
    await advance();
    await batchParts.tell(db, ref).run();
    await prune();
    expect(await found()).not.toBeNull();
    await env.DB.prepare("DELETE FROM jobs").run();
    await prune();
    expect(await found()).toBeNull();
  });
});
