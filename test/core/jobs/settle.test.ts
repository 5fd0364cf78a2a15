import { describe, expect, test } from "vitest";
import { closing } from "#core/jobs/closing";
import { settle, type Settling, type Verdict } from "#core/jobs/settle";
import { again, done, fail, lost, retry, wait, unseen } from "#core/lib/outcome";
import { Problem } from "#core/lib/problem";
import type { JobRow } from "#core/store/jobs";

const NOW = 1_000_000;
const kind = {
  backoff: { attempts: 5, base_s: 10, cap_s: 900 },
  reconcilable: false,
  shut_at: null as number | null,
  gates: ["x:tweets", "app:{app}", "account:{account}", "window:{account}:POST /2/tweets"],
};

const job = (change: Partial<JobRow> = {}) =>
  ({
    client_id: "cli_1",
    id: "job_1",
    account_id: "acc_1",
    lane: "tweets:acc_1",
    state: "running",
    open: 1,
    attempts: 2,
    max_attempts: 5,
    maybe_sent: 1,
    lease: "lse_1",
    checkpoint: '{"step":1}',
    log: "[]",
    sent_at: NOW - 1000,
    looks: 0,
    losses: 0,
    error: '{"code":"x_unreachable"}',
    ...change,
    token_version: 7,
  }) as Settling;

const problem = new Problem("x_unavailable", { detail: "over capacity" });
const bury: Verdict = { type: "bury", problem: new Problem("unreadable") };
const account = { scope: "account" } as const;
const ownWindow = { scope: "window", endpoint: "POST /2/tweets" } as const;

const ending = (verdict: Verdict, change: Partial<JobRow> = {}, of = kind) =>
  settle(job(change), verdict, of, NOW, 0.5).ending;

test("progress forgets the Workers that died on the job, nothing else does", () => {
  const crashes = (verdict: Verdict) => ending(verdict, { crashes: 2 }).crashes;
  expect(crashes(again({ step: 2 }, 5))).toBe(0);
  expect([done(null), retry(problem), fail(problem)].map(crashes)).toEqual([2, 2, 2]);
});

describe("an outcome and what becomes of its job", () => {
  test.each([
    [
      "done is succeeded",
      done({ id: "1" }),
      { state: "succeeded", open: null, final: 1, attempts: 2, maybe_sent: 0, result: '{"id":"1"}' },
    ],
    [
      "again waits, costs no attempt, and keeps its place in the work",
      again({ step: 2 }, 5),
      {
        state: "waiting",
        open: 1,
        final: 0,
        attempts: 1,
        maybe_sent: 0,
        checkpoint: '{"step":2}',
        wait_ms: 5000,
      },
    ],
    [
      "wait waits for its gate and costs no attempt",
      wait(account, "locked", NOW + 9000),
      { state: "waiting", open: 1, attempts: 1, maybe_sent: 0, wait_ms: null, checkpoint: '{"step":1}' },
    ],
    [
      "retry waits longer each time and costs an attempt",
      retry(problem),
      { state: "waiting", open: 1, attempts: 2, maybe_sent: 0, wait_ms: 10_000 },
    ],
    ["retry waits at least as long as X asked", retry(problem, 60), { state: "waiting", wait_ms: 70_000 }],
    [
      "lost is unknown, and parked when nothing can look for it",
      lost(problem),
      { state: "unknown", open: null, final: 0, maybe_sent: 2, attempts: 2 },
    ],
    ["fail is failed", fail(problem), { state: "failed", open: null, final: 1, maybe_sent: 0, attempts: 2 }],
    ["what cannot be run is dead", bury, { state: "dead", open: null, final: 1 }],
  ])("%s", (_, verdict, expected) => {
    expect(ending(verdict)).toMatchObject(expected);
  });

  test("whatever chance says and X names, pauses are whole milliseconds: D1 takes no others", () => {
    const verdicts = [
      retry(problem),
      retry(problem, 1.0005),
      unseen({ reads: 1, complete: false, repost: false }),
      again(null, 0.0005),
      wait(account, "locked", NOW + 0.5),
      wait({ scope: "app" }, "rate_limited", NOW + 0.5),
    ];
    const settled = verdicts.flatMap((verdict) =>
      ([0, 2] as const).map((maybe_sent) => settle(job({ maybe_sent }), verdict, kind, NOW, 0.123456789)),
    );
    const times = settled.flatMap((one) => [
      one.ending.wait_ms,
      ...one.closings.map(({ opens_in_ms }) => opens_in_ms),
    ]);
    expect(times.filter((ms) => ms !== null && !Number.isInteger(ms))).toEqual([]);
    expect(times.filter((ms) => ms !== null).length).toBeGreaterThan(10);
  });

  test("the last attempt's retry is dead, and says what the attempt met", () => {
    const { error, ...rest } = ending(retry(problem), { attempts: 5 });
    expect(rest).toMatchObject({ state: "dead", open: null, final: 1 });
    expect(JSON.parse(error ?? "")).toMatchObject({
      code: "attempts_exhausted",
      detail: expect.stringContaining("over capacity") as string,
    });
  });

  test("what can be looked for is looked for after 5 s", () => {
    expect(ending(lost(problem), {}, { ...kind, reconcilable: true })).toMatchObject({
      state: "unknown",
      open: 1,
      final: 0,
      maybe_sent: 2,
      losses: 1,
      looks: 0,
      wait_ms: 5000,
    });
  });

  const lookedFor = { ...kind, reconcilable: true };
  const unclear = { maybe_sent: 2, losses: 1 } as const;
  const empty = unseen({ reads: 3, complete: true, repost: true });

  test.each([
    [
      "the first empty look is followed by one after 30 s in all",
      0,
      { state: "unknown", looks: 1, wait_ms: 25_000 },
    ],
    ["the second by one after 120 s in all", 1, { state: "unknown", looks: 2, wait_ms: 90_000 }],
    [
      "the third lets it be sent once more",
      2,
      { state: "waiting", looks: 0, maybe_sent: 0, wait_ms: 0, losses: 1 },
    ],
  ])("%s, and looking costs no attempt", (_, looks, expected) => {
    expect(ending(empty, { ...unclear, looks }, lookedFor)).toMatchObject({
      ...expected,
      open: 1,
      attempts: 1,
    });
  });

  test("what would not surely have been seen is parked after the third look, with what was met first", () => {
    const verdict = unseen({ reads: 3, complete: true, repost: false });
    expect(ending(verdict, { ...unclear, looks: 2 }, lookedFor)).toMatchObject({
      state: "unknown",
      open: null,
      error: '{"code":"x_unreachable"}',
    });
  });

  test("the third look does not count before X has been well for two minutes", () => {
    const shut = { ...lookedFor, shut_at: NOW - 50_000 };
    expect(ending(empty, { ...unclear, looks: 2 }, shut)).toMatchObject({
      state: "unknown",
      open: 1,
      looks: 2,
      wait_ms: 70_000,
      attempts: 1,
    });
    expect(ending(empty, { ...unclear, looks: 1 }, shut)).toMatchObject({ looks: 2 });
    const well = { ...lookedFor, shut_at: NOW - 120_000 };
    expect(ending(empty, { ...unclear, looks: 2 }, well)).toMatchObject({ state: "waiting" });
  });

  test("a look that is not complete does not count", () => {
    const verdict = unseen({ reads: 200, complete: false, repost: true });
    expect(ending(verdict, { ...unclear, looks: 2 }, lookedFor)).toMatchObject({
      state: "unknown",
      open: 1,
      looks: 2,
    });
  });

  test("a duplicate of what was lost before is looked for, of anything else it is X's no", () => {
    const duplicate = fail(new Problem("x_duplicate"));
    expect(ending(duplicate, { losses: 1 }, lookedFor)).toMatchObject({
      state: "unknown",
      open: 1,
      losses: 2,
    });
    expect(ending(duplicate, { losses: 0 }, lookedFor)).toMatchObject({ state: "failed" });
  });

  test("what has no attempt left is looked for as well, and then parked", () => {
    const last = { attempts: 5, losses: 5 };
    expect(ending(lost(problem), { attempts: 5 }, lookedFor)).toMatchObject({ state: "unknown", open: 1 });
    expect(ending(empty, { ...unclear, ...last, attempts: 6, looks: 2 }, lookedFor)).toMatchObject({
      state: "unknown",
      open: null,
      attempts: 5,
    });
  });

  test("every ending is fenced by the lease that ran the job", () => {
    for (const verdict of [
      done(null),
      again(null, 0),
      wait(account, "locked"),
      retry(problem),
      lost(problem),
      fail(problem),
      bury,
    ])
      expect(ending(verdict)).toMatchObject({ client_id: "cli_1", id: "job_1", lease: "lse_1" });
  });
});

describe("a job that X may have acted on stays unknown", () => {
  const unclear = { maybe_sent: 2 } as const;

  test.each([
    ["through progress", again(null, 5)],
    ["while it waits for a gate", wait(account, "locked")],
    ["while it is tried again", retry(problem)],
  ])("%s", (_, verdict) => {
    expect(ending(verdict, unclear)).toMatchObject({ state: "unknown", open: 1, maybe_sent: 2, final: 0 });
  });

  test.each([
    ["when X forbids to look", fail(problem), unclear],
    ["when it was looked for in vain for a day", retry(problem), { ...unclear, sent_at: NOW - 86_400_001 }],
    ["when this version cannot read it", bury, unclear],
  ])("and is parked, never dead, %s", (_, verdict, change) => {
    expect(ending(verdict, change)).toMatchObject({ state: "unknown", open: null, maybe_sent: 2, final: 0 });
  });

  test("until an answer says what happened", () => {
    expect(ending(done(null), unclear)).toMatchObject({ state: "succeeded", maybe_sent: 0 });
    expect(ending(retry(problem), { ...unclear, attempts: 5 })).toMatchObject({ state: "unknown", open: 1 });
  });
});

describe("the gates an outcome closes", () => {
  const closings = (verdict: Verdict) => settle(job(), verdict, kind, NOW, 0.5).closings;

  test.each([
    ["the account's own", account, "account:acc_1"],
    ["the account's window of an endpoint", ownWindow, "window:acc_1:POST /2/tweets"],
    ["the app's, which the store knows", { scope: "app" } as const, "app:{app}"],
  ])("%s", (_, gate, name) => {
    expect(closings(wait(gate, "rate_limited", NOW + 9000))).toEqual([
      {
        name,
        reason: "rate_limited",
        opens_in_ms: 9000,
        limit: null,
        remaining: null,
        client_id: "cli_1",
        job_id: "job_1",
        lease: "lse_1",
        token_version: null,
        tried: 0,
      },
    ]);
  });

  test("one that opens at an unknown time backs off by itself, one that should be open already opens now", () => {
    expect(closings(wait(account, "locked"))[0]?.opens_in_ms).toBeNull();
    expect(closings(wait(account, "locked", NOW - 5))[0]?.opens_in_ms).toBe(0);
  });

  test("only waiting closes any", () => {
    for (const verdict of [done(null), again(null, 0), retry(problem), lost(problem), fail(problem), bury])
      expect(closings(verdict)).toEqual([]);
  });

  test("a job that waits for a window that is not its lane's waits by its own time", () => {
    const elsewhere = { scope: "window", endpoint: "GET /2/users/me" } as const;
    expect(ending(wait(elsewhere, "rate_limited", NOW + 9000))).toMatchObject({ wait_ms: 9000 });
    expect(ending(wait(elsewhere, "rate_limited"))).toMatchObject({ wait_ms: 30_000 });
    expect(ending(wait(ownWindow, "rate_limited", NOW + 9000))).toMatchObject({ wait_ms: null });
  });

  test("a reading of X is noted with the gate", () => {
    expect(closing(job(), ownWindow, "rate_limited", 1, { limit: 100, remaining: 0 })).toMatchObject({
      limit: 100,
      remaining: 0,
    });
  });
});
