import { describe, expect, test } from "vitest";
import { closing } from "#core/jobs/closing";
import { settle, type Verdict } from "#core/jobs/settle";
import { again, done, fail, lost, retry, wait, unseen } from "#core/lib/outcome";
import { Problem } from "#core/lib/problem";
import { endingOf as ending, KIND as kind, NOW, settlingJob as job } from "../../support/settling.ts";

const problem = new Problem("x_unavailable", { detail: "over capacity" });
const bury: Verdict = { type: "bury", problem: new Problem("unreadable") };
const account = { scope: "account" } as const;
const ownWindow = { scope: "window", endpoint: "POST /2/tweets" } as const;

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
