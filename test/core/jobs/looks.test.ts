import { expect, test } from "vitest";
import { fail, lost, unseen } from "#core/lib/outcome";
import { Problem } from "#core/lib/problem";
import { endingOf as ending, KIND as kind, NOW } from "../../support/settling.ts";

const problem = new Problem("x_unavailable", { detail: "over capacity" });

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
