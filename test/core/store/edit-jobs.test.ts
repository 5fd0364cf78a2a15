import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { states, steps } from "#core/lib/lifecycle";
import * as editJobs from "#core/store/edit-jobs";
import type { JobEdit } from "#core/store/edit-jobs";
import * as jobs from "#core/store/jobs";
import type { JobRow } from "#core/store/jobs";
import { first } from "#core/store/sql";
import { strict } from "../../support/database.ts";
import { empty, jobIn, NOW, put } from "../../support/rows.ts";

const db = strict(env.DB);
const UNCHANGED = {
  params: null,
  run_at: null,
  expires_at: null,
  expires_after_ms: null,
  max_attempts: null,
  metadata: undefined,
  cost: null,
};
const edit = (change: Partial<JobEdit> = {}) =>
  editJobs.edit(db, NOW, { client_id: "cli_1", id: "job_1", sequence: 1, ...UNCHANGED, ...change }).run();
const found = () => first<JobRow>(jobs.find(db, "cli_1", "job_1"));

beforeEach(() => empty(env.DB));

describe.each(states)("a job that is %s", (state) => {
  const isOpen = (steps.cancel.from as readonly string[]).includes(state);

  test(isOpen ? "is changed as it was read" : "is not changed", async () => {
    await put(env.DB, "jobs", jobIn(state));
    const { meta } = await edit({ params: '{"a":1}' });
    expect(meta.changes > 0).toBe(isOpen);
    expect(await found()).toMatchObject(
      isOpen ? { params: '{"a":1}', sequence: 2 } : { params: "{}", sequence: 1 },
    );
  });
});

test("one that has moved on since is not changed", async () => {
  await put(env.DB, "jobs", jobIn("queued", { sequence: 2 }));
  expect((await edit({ max_attempts: 2 })).meta.changes).toBe(0);
});

test("what is left out stays, and what it is due with moves along", async () => {
  const due_at = NOW + 1000;
  await put(
    env.DB,
    "jobs",
    jobIn("queued", { due_at, expires_at: due_at + 500, metadata: "{}", warnings: "[]" }),
  );
  await edit({ run_at: due_at + 9000 });
  expect(await found()).toMatchObject({
    due_at: due_at + 9000,
    run_at: due_at + 9000,
    expires_at: due_at + 9500,
    params: "{}",
    metadata: "{}",
    warnings: "[]",
  });
  await edit({ sequence: 2, run_at: 5, expires_after_ms: 70, metadata: null, params: "{}" });
  expect(await found()).toMatchObject({ due_at: NOW, expires_at: NOW + 70, metadata: null, warnings: null });
});

test("other params are priced anew, beside what the job has cost so far", async () => {
  await put(env.DB, "jobs", jobIn("waiting", { cost_estimated: 15, cost_actual: 3 }));
  await edit({ params: '{"a":1}', cost: 200 });
  expect(await found()).toMatchObject({ cost_estimated: 203, cost_actual: 3 });
});

describe.each(states)("what a job that is %s has yet to do", (state) => {
  const isShort = (steps.redrive.from as readonly string[]).includes(state);
  const amend = (sequence: number) =>
    editJobs
      .amend(db, {
        ...{ client_id: "cli_1", id: "job_1", sequence },
        ...{ params: '{"a":1}', metadata: undefined, cost: 20 },
      })
      .run();

  test(isShort ? "is changed as it was read, and the job stays as it ended" : "is not changed", async () => {
    await put(env.DB, "jobs", jobIn(state, { checkpoint: "{}", cost_actual: 5, cost_estimated: 9 }));
    expect((await amend(7)).meta.changes).toBe(0);
    await amend(1);
    expect(await found()).toMatchObject(
      isShort
        ? { state, params: '{"a":1}', sequence: 2, cost_estimated: 25 }
        : { state, params: "{}", sequence: 1, cost_estimated: 9 },
    );
  });

  test("is not changed where X may have it", async () => {
    await put(env.DB, "jobs", jobIn(state, { maybe_sent: 2 }));
    expect((await amend(1)).meta.changes).toBe(0);
  });
});
