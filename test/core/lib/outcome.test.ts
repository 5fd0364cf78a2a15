import { expect, test } from "vitest";
import { again, done, fail, lost, retry, wait } from "#core/lib/outcome";
import { Problem } from "#core/lib/problem";

const problem = new Problem("x_unavailable");

test.each([
  ["done", done({ id: 1 }), { type: "done", result: { id: 1 } }],
  ["again", again({ step: 1 }, 5), { type: "again", checkpoint: { step: 1 }, after_s: 5 }],
  [
    "wait, until an unknown time",
    wait({ scope: "app" }, "credits_depleted"),
    { type: "wait", gate: { scope: "app" }, reason: "credits_depleted", until: null, problem: null },
  ],
  [
    "wait, until a known time",
    wait({ scope: "account" }, "locked", 9, problem),
    { type: "wait", gate: { scope: "account" }, reason: "locked", until: 9, problem },
  ],
  ["retry, whenever", retry(problem), { type: "retry", problem, after_s: null }],
  ["retry, not before", retry(problem, 5), { type: "retry", problem, after_s: 5 }],
  ["lost", lost(problem), { type: "lost", problem }],
  ["fail", fail(problem), { type: "fail", problem }],
])("%s is a plain value", (_, outcome, value) => {
  expect(outcome).toEqual(value);
});
