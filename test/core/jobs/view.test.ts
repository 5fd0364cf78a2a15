import { describe, expect, test } from "vitest";
import { allKinds } from "#core/jobs/kinds/index";
import { NEVER } from "#core/lib/clock";
import { states } from "#core/lib/lifecycle";
import type { JobRow } from "#core/store/jobs";
import { isSettled, jobSchema, jobView, type AwaitedMedium, type ClosedGate } from "#core/jobs/view";

const NOW = Date.UTC(2026, 10, 23, 12);
const row = (columns: Partial<JobRow> = {}): JobRow => ({
  client_id: "cli_x0",
  id: "job_x0",
  kind: "tweet.create",
  account_id: "acc_x0",
  batch_id: null,
  lane: "tweets:acc_x0",
  ordered: 1,
  state: "queued",
  open: 1,
  due_at: NOW,
  run_at: null,
  next_attempt_at: null,
  expires_at: NOW + 1000,
  attempts: 0,
  max_attempts: 5,
  crashes: 0,
  maybe_sent: 0,
  sent_at: null,
  newest_before: null,
  looks: 0,
  losses: 0,
  lease: null,
  awaits: null,
  carried: null,
  cancel_requested: 0,
  sequence: 1,
  params: '{"account_id":"acc_01KAB3C4D5V1StGXR8Z5jd0","text":"hello"}',
  checkpoint: null,
  result: null,
  error: null,
  log: "[]",
  metadata: null,
  cost_estimated: 0,
  cost_actual: 0,
  warnings: null,
  callback_url: null,
  created_at: NOW,
  started_at: null,
  finished_at: null,
  ...columns,
});
const gate = (name: string, open_at: number, lane = "tweets:acc_x0"): ClosedGate => ({
  lane,
  name,
  reason: "rate_limited",
  open_at,
});
const view = (columns: Partial<JobRow> = {}, closed: ClosedGate[] = [], awaited: AwaitedMedium[] = []) =>
  jobView(row(columns), allKinds, NOW, { closed, awaited });

test.each(states)("a job that is %s is shown as the schema declares it", (state) => {
  expect(jobSchema.parse(view({ state })).state).toBe(state);
});

describe("scheduled", () => {
  test("is what a queued job is called whose time is to come", () => {
    expect(view({ due_at: NOW + 1 }).state).toBe("scheduled");
    expect(view({ due_at: NOW }).state).toBe("queued");
  });

  test("is no name for a job that waits", () => {
    expect(view({ state: "waiting", due_at: NOW + 1 }).state).toBe("waiting");
  });
});

describe("blocked_on", () => {
  test.each(["queued", "waiting", "unknown"] as const)("is shown of a job that is %s", (state) => {
    expect(view({ state }, [gate("x:tweets", NOW + 5)]).blocked_on).toEqual({
      gate: "x:tweets",
      reason: "rate_limited",
      until: "2026-11-23T12:00:00.005Z",
    });
  });

  test.each(["running", "succeeded", "failed", "dead", "canceled"] as const)(
    "is not shown of one that is %s",
    (state) => {
      expect(view({ state, open: null }, [gate("x:tweets", NOW + 5)]).blocked_on).toBeNull();
    },
  );

  test("is not shown of a parked job, which waits for nothing but its client", () => {
    expect(view({ state: "unknown", open: null }, [gate("x:tweets", NOW + 5)]).blocked_on).toBeNull();
  });

  test("has no end when its gate opens only by a person, and the job no next attempt then", () => {
    const shown = view({ state: "waiting" }, [gate("x:tweets", NOW + 5), gate("account:acc_x0", NEVER)]);
    expect(shown.blocked_on).toEqual({ gate: "account:acc_x0", reason: "rate_limited", until: null });
    expect(shown.next_attempt_at).toBeNull();
    expect(jobSchema.parse(shown)).toEqual(shown);
  });

  test("is the medium that a job has given up its place for, and how that stands", () => {
    const medium = { account_id: "acc_x0", id: "med_1", state: "processing" };
    const waits = { state: "waiting", awaits: "med_1" } as const;
    const closed = [gate("x:tweets", NOW + 5)];
    const shown = view(waits, closed, [{ ...medium, account_id: "acc_y0", state: "ready" }, medium]);
    expect(shown.blocked_on).toEqual({ gate: "medium:med_1", reason: "processing", until: null });
    expect(view({ ...waits, awaits: null }, closed, [medium]).blocked_on?.gate).toBe("x:tweets");
    expect(view({ ...waits, state: "succeeded", open: null }, closed, [medium]).blocked_on).toBeNull();
  });

  test("is the gate that opens last, and never one of another lane", () => {
    const closed = [gate("a", NOW + 5), gate("b", NOW + 9), gate("c", NOW + 99, "deletes:acc_x0")];
    expect(view({}, closed).blocked_on?.gate).toBe("b");
  });
});

test("next_attempt_at is the job's own, or when the gate opens", () => {
  const closed = [gate("a", NOW + 5)];
  expect(view({ state: "waiting", next_attempt_at: NOW + 1 }, closed).next_attempt_at).toBe(
    "2026-11-23T12:00:00.001Z",
  );
  expect(view({ state: "waiting" }, closed).next_attempt_at).toBe("2026-11-23T12:00:00.005Z");
  expect(view({ state: "waiting" }).next_attempt_at).toBeNull();
  expect(view({}, closed).next_attempt_at).toBeNull();
});

test("the log shows what each attempt came to, with times for people", () => {
  const log = JSON.stringify([
    { at: NOW, outcome: "retry", status: 503, code: "x_unavailable", detail: "Service Unavailable" },
    { at: NOW + 1, outcome: "crashed" },
  ]);
  expect(view({ log }).log).toEqual([
    {
      at: "2026-11-23T12:00:00.000Z",
      outcome: "retry",
      status: 503,
      code: "x_unavailable",
      detail: "Service Unavailable",
    },
    { at: "2026-11-23T12:00:00.001Z", outcome: "crashed" },
  ]);
});

test("result, error and metadata are shown as they were written", () => {
  expect(view({ result: '{"a":1}', error: '{"code":"expired"}', metadata: '{"m":[]}' })).toMatchObject({
    result: { a: 1 },
    error: { code: "expired" },
    metadata: { m: [] },
  });
});

test("nothing of the engine's own is shown", () => {
  const shown = JSON.stringify(view({ lease: "lse_secret", checkpoint: '{"secret":1}', state: "running" }));
  for (const word of ["lease", "secret", "lane", "client_id", "checkpoint", "maybe_sent", "params"])
    expect(shown).not.toContain(word);
});

describe("warnings", () => {
  test("are those of the kind", () => {
    const params = JSON.stringify({ account_id: "acc_01KAB3C4D5V1StGXR8Z5jd0", text: "a".repeat(281) });
    expect(view({ params }).warnings).toMatchObject([{ code: "needs_premium" }]);
  });

  test("are none for a kind that is gone, or params that its schema does not read any more", () => {
    expect(view({ kind: "tweet.sing" }).warnings).toEqual([]);
    expect(view({ params: "{}" }).warnings).toEqual([]);
  });
});

test.each([
  ["queued", 1, false],
  ["running", 1, false],
  ["waiting", 1, false],
  ["unknown", 1, false],
  ["unknown", null, true],
  ["succeeded", null, true],
  ["failed", null, true],
  ["dead", null, true],
  ["canceled", null, true],
] as const)("a job that is %s and open %s is settled: %s", (state, open, settled) => {
  expect(isSettled(row({ state, open }))).toBe(settled);
});
