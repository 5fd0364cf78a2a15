import { expect, test } from "vitest";
import { acceptedOf, classOf, createTally, keyOf, spendKey } from "#core/jobs/tally";

test("what is added is counted by its key, and nothing is not", () => {
  const tally = createTally();
  tally.add(keyOf("calls", "POST /2/tweets", "2xx"));
  tally.add(keyOf("calls", "POST /2/tweets", "2xx"), 2);
  tally.add("none", 0);
  expect(tally.counts()).toEqual({ "calls|POST /2/tweets|2xx": 3 });
});

test("a time is counted in the first bucket that holds it, and in the sum", () => {
  const tally = createTally();
  for (const ms of [-5, 100, 101, 3_600_001]) tally.time("late", ms);
  expect(tally.counts()).toEqual({
    "late|0.1": 2,
    "late|0.25": 1,
    "late|+Inf": 1,
    late_ms: 100 + 101 + 3_600_001,
  });
});

test("what is taken is counted no more", () => {
  const tally = createTally();
  tally.add("a");
  expect([tally.take(), tally.take()]).toEqual([{ a: 1 }, {}]);
});

test("what is taken is counted by kind, but for kinds that a trigger counts", () => {
  const kinds = [{ name: "tweet.create" }, { name: "token.refresh", own: true }, { name: "tweet.create" }];
  expect(acceptedOf(kinds)).toEqual({ "accepted|tweet.create": 2 });
});

test("money is counted by the day in UTC", () => {
  expect(spendKey(Date.UTC(2026, 10, 27, 23, 59))).toBe(`spend|${Date.UTC(2026, 10, 27)}`);
});

test.each([
  [201, "2xx"],
  [403, "4xx"],
  [429, "429"],
  [503, "5xx"],
  [null, "none"],
])("an answer of %s is of the class %s", (status, of) => {
  expect(classOf(status)).toBe(of);
});
