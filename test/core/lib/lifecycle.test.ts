import { describe, expect, test } from "vitest";
import {
  finalStates,
  fromStates,
  isFinal,
  states,
  steps,
  type State,
  type StepName,
} from "#core/lib/lifecycle";

const all = Object.entries(steps) as [StepName, { from: readonly State[]; to: readonly State[] }][];

test.each(states)("%s is either an end or can be left", (state) => {
  // A final job moves by redrive alone, if it failed or was given up; a refresh also when it is needed again.
  const again = ["redrive", "renew"];
  const leaving = all.filter(([name, { from }]) => from.includes(state) && !again.includes(name));
  expect(leaving.length > 0).toBe(!isFinal(state));
});

test.each(states)("%s can be reached, or is where jobs begin", (state) => {
  expect(state === "queued" || all.some(([, { to }]) => to.includes(state))).toBe(true);
});

test("every open state leads to an end", () => {
  const ends = new Set<State>(finalStates);
  for (let grew = true; grew;) {
    const before = ends.size;
    for (const [, { from, to }] of all)
      if (to.some((state) => ends.has(state))) for (const state of from) ends.add(state);
    grew = ends.size > before;
  }
  expect([...ends].sort()).toEqual([...states].sort());
});

test("a job runs only by being claimed, and what may have been sent is never simply queued or waiting", () => {
  const to = (state: State) => all.filter(([, step]) => step.to.includes(state)).map(([name]) => name);
  expect(to("running")).toEqual(["claim", "requestCancel"]);
  expect(to("succeeded")).toEqual(["done", "resolve"]);
  expect(steps.lose.to).toEqual(["unknown"]);
});

describe("as SQL", () => {
  test("the states a step starts from are a list of texts", () => {
    expect(fromStates("claim")).toBe("'queued','waiting','unknown'");
    expect(fromStates("done")).toBe("'running'");
  });
});
