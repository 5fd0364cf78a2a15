import { expect, test } from "vitest";
import { gatesOf, laneOf } from "#core/jobs/define";
import { kinds } from "#core/jobs/kinds/index";
import { ALLOWANCES_A_LANE, GATES_A_LANE } from "#core/store/sql";

test("jobs of one kind and account share a lane", () => {
  expect(laneOf({ lane: "tweets" }, "acc_1")).toBe("tweets:acc_1");
});

test("a lane waits for its part of X, its app, its account, its own window and what it uses up", () => {
  expect(
    JSON.parse(
      gatesOf({ part: "tweets", endpoint: "POST /2/tweets", token: true, ordered: true, repeatable: false }),
    ),
  ).toEqual([
    "x:tweets",
    "app:{app}",
    "account:{account}",
    "window:{account}:POST /2/tweets",
    "app:{app}:POST /2/tweets",
    "spend:{client}",
    "spend:{account}",
    "thread:{account}",
  ]);
});

test("what is posted in order waits for a thread that stopped short, too, and nothing else does", () => {
  const kind = { part: "tweets", endpoint: "E", token: true, ordered: true, repeatable: false } as const;
  expect((JSON.parse(gatesOf(kind)) as string[]).at(-1)).toBe("thread:{account}");
  expect(gatesOf({ ...kind, repeatable: true })).not.toContain("thread:");
});

test("a lane whose jobs need no token waits for its part of X and what X's token endpoint allows the app", () => {
  const kind = {
    part: "oauth",
    endpoint: "POST /2/oauth2/token",
    token: false,
    ordered: true,
    repeatable: true,
  } as const;
  expect(JSON.parse(gatesOf(kind))).toEqual(["x:oauth", "oauth:{app}"]);
});

test.each(kinds)("$name has no more gates than the store looks at", (kind) => {
  expect((JSON.parse(gatesOf(kind)) as unknown[]).length).toBeLessThanOrEqual(
    GATES_A_LANE + ALLOWANCES_A_LANE + 1,
  );
});

test("kinds that share a lane share its queue, its window and its part of X", () => {
  for (const some of Map.groupBy(kinds, ({ lane }) => lane).values())
    expect(new Set(some.map(({ queue, endpoint, part }) => `${queue} ${endpoint} ${part}`)).size).toBe(1);
});
