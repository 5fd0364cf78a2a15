import { describe, expect, test } from "vitest";
import { threadCreate } from "#core/jobs/kinds/thread-create";
import { tweetCreate } from "#core/jobs/kinds/tweet-create";
import type { Kind } from "#core/jobs/define";
import { estimateOf, holdsOf, undoOf } from "#core/jobs/short";
import { Problem } from "#core/lib/problem";
import type { Ending } from "#core/store/job-steps";
import { readPrices } from "#core/x/prices";
import { jobIn } from "../../support/rows.ts";

const thread = threadCreate as unknown as Kind;
const tweet = tweetCreate as unknown as Kind;
const params = (on_partial: string) => JSON.stringify({ ...threadCreate.example, on_partial });
const job = (on_partial: string, tweet_ids: string[] = ["1"]) => ({
  ...jobIn("running", {
    params: params(on_partial),
    checkpoint: JSON.stringify({ tweet_ids, deleted_ids: [], refusal: null }),
  }),
  lease: "lse_1",
});
const ending = (state: string, open: 1 | null = null) => ({ state, open }) as Ending;
const no = new Problem("x_forbidden");

describe("what comes behind a job is held", () => {
  const hold = [{ client_id: "cli_1", job_id: "job_1", lease: "lse_1" }];
  test.each(["failed", "dead", "unknown"])("when it ends %s and is to hold it", (state) => {
    expect(holdsOf(thread, job("hold"), ending(state))).toEqual(hold);
    expect(holdsOf(thread, job("resume"), ending(state))).toEqual([]);
    expect(holdsOf(tweet, job("hold"), ending(state))).toEqual([]);
  });

  test.each([
    ["succeeded", null],
    ["waiting", 1],
    ["unknown", 1],
  ] as const)("not when it is %s (open: %s)", (state, open) => {
    expect(holdsOf(thread, job("hold"), ending(state, open))).toEqual([]);
  });

  test("not for a job that this version cannot read", () => {
    expect(holdsOf(null, job("hold"), ending("dead"))).toEqual([]);
    expect(holdsOf(thread, { ...job("hold"), params: "{}" }, ending("dead"))).toEqual([]);
  });
});

describe("what a job will have cost in the end", () => {
  const prices = readPrices(undefined, "");
  const spent = { ...job("delete", ["1", "2"]), cost_actual: 30_000 };
  const undone = JSON.stringify(undoOf(thread, spent, no));
  test.each<[string, string, string | null, number | null]>([
    ["the deletes of what it takes back", "fail", undone, 30_000 + 500 + 2 * 10_000],
    ["all of it anew, once all is taken back", "fail", JSON.stringify(null), 30_000 + 500 + 2 * 15_000],
    ["nothing else where X's no changed nothing", "fail", spent.checkpoint, null],
    ["nothing else while all goes well", "again", undone, null],
  ])("is %s", (_, type, checkpoint, estimate) => {
    expect(estimateOf(thread, spent, { checkpoint }, { type }, 500, prices)).toBe(estimate);
  });
});

describe("what a job did is taken back", () => {
  test("when its client wants that and there is something", () => {
    expect(undoOf(thread, job("delete"), no)).toMatchObject({
      tweet_ids: ["1"],
      refusal: { code: "x_forbidden" },
    });
  });

  test.each([
    ["its client wants it kept", thread, job("resume")],
    ["there is nothing", thread, job("delete", [])],
    ["its kind does one thing only", tweet, job("delete")],
    ["this version cannot read it", thread, { ...job("delete"), params: "{}" }],
  ])("not when %s", (_, kind, row) => {
    expect(undoOf(kind, row, no)).toBeNull();
  });
});
