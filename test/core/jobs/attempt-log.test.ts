import { describe, expect, test } from "vitest";
import { appended, exhausted, problemOf } from "#core/jobs/attempt-log";
import type { Verdict } from "#core/jobs/settle";
import { again, done, retry, unseen, wait } from "#core/lib/outcome";
import { Problem } from "#core/lib/problem";

const NOW = 1_000_000;
type Entry = { at: number; outcome?: string; [field: string]: unknown };

/** The log after these verdicts, one a second. */
const log = (verdicts: Verdict[], unclear = false): Entry[] =>
  JSON.parse(
    verdicts.reduce((text, verdict, i) => appended(text, verdict, unclear, NOW + i * 1000), "[]"),
  ) as Entry[];

const down = (detail = "X is down") =>
  new Problem("x_unavailable", {
    detail,
    upstream: { status: 503, type: null, detail: "over capacity" },
  });
const closed = wait({ scope: "account" }, "token_expired");

test("says when, what, and X's words", () => {
  expect(log([retry(down())])).toEqual([
    { at: NOW, outcome: "retry", status: 503, code: "x_unavailable", detail: "X is down" },
  ]);
  expect(log([done(null)])).toEqual([{ at: NOW, outcome: "done" }]);
  expect(log([closed])).toEqual([{ at: NOW, outcome: "wait", reason: "token_expired" }]);
});

describe("what is alike and costs no attempt is one entry", () => {
  const missed = unseen({ reads: 5, complete: false, repost: true });

  test.each<[string, Verdict, boolean, object]>([
    ["a wait", closed, false, {}],
    ["progress", again({ step: 1 }, 5), false, {}],
    ["a look that did not count, with what all of them read", missed, true, { reads: 15 }],
    ["a look that X refused", retry(down()), true, { code: "x_unavailable" }],
  ])("%s", (_, verdict, unclear, more) => {
    expect(log([verdict, verdict, verdict], unclear)).toMatchObject([
      { at: NOW, last_at: NOW + 2000, times: 3, ...more },
    ]);
  });

  test("but not attempts, whole looks, or what has another reason", () => {
    expect(log([retry(down()), retry(down())])).toHaveLength(2);
    const whole = unseen({ reads: 5, complete: true, repost: true });
    expect(log([whole, whole], true)).toHaveLength(2);
    expect(log([closed, wait({ scope: "account" }, "reconnect"), closed])).toHaveLength(3);
    expect(log([missed, whole, missed], true)).toHaveLength(3);
  });

  test("and the last words are those that stay", () => {
    expect(log([retry(down("first")), retry(down("last"))], true)).toMatchObject([
      { times: 2, detail: "last" },
    ]);
  });
});

test("of a very long log the first twenty and the last eighty entries stay", () => {
  const before = JSON.stringify(Array.from({ length: 100 }, (_, at) => ({ at })));
  const after = JSON.parse(appended(before, done(null), false, NOW)) as Entry[];
  expect(after).toHaveLength(100);
  expect(after.slice(18, 22).map(({ at }) => at)).toEqual([18, 19, 21, 22]);
  expect(after.at(-1)).toEqual({ at: NOW, outcome: "done" });
});

test("a problem is kept as it is; one that used up the attempts is told as their last", () => {
  const upstream = { status: 403, type: null, detail: "No." };
  const problem = new Problem("x_unavailable", { detail: "X is down", upstream });
  expect(problemOf(again(null, 0))).toBeNull();
  expect(JSON.parse(problemOf(retry(problem)) ?? "")).toMatchObject({ code: "x_unavailable", upstream });
  expect(JSON.parse(exhausted(problem))).toMatchObject({
    code: "attempts_exhausted",
    detail: "Every attempt failed; the last one: X is down",
    upstream,
  });
});
