import { expect, test } from "vitest";
import { Calls } from "../../simulator/calls.ts";

const entry = (at: number, status = 200) => ({ method: "GET", path: "/x", status, user_id: null, at });

test("calls are counted by route and status", () => {
  const calls = new Calls();
  for (const status of [200, 200, 503]) calls.note("GET /x", entry(0, status));
  calls.note("GET /y", entry(0));
  expect(calls.show()).toMatchObject({
    total: 4,
    counts: { "GET /x": { 200: 2, 503: 1 }, "GET /y": { 200: 1 } },
  });
});

test("the last thousand are kept in order, the count goes on", () => {
  const calls = new Calls();
  for (let at = 0; at < 1_002; at++) calls.note("GET /x", entry(at));
  const { total, last } = calls.show();
  expect([total, last.length, last[0]?.at, last.at(-1)?.at]).toEqual([1_002, 1_000, 2, 1_001]);
});

test("cleared, the book is empty", () => {
  const calls = new Calls();
  calls.note("GET /x", entry(0));
  calls.clear();
  expect(calls.show()).toEqual({ total: 0, counts: {}, last: [] });
});
