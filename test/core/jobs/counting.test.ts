import { describe, expect, test } from "vitest";
import type { Work } from "#core/jobs/commit";
import { createCounting } from "#core/jobs/counting";
import { untouched } from "#core/store/lanes";
import type { Counts } from "#core/store/tallies";

type Asks = Pick<Work, "handBacks" | "claims" | "counted" | "carried">;

const [A, B, C] = ["tweets:a", "tweets:b", "tweets:c"];
const commit = (of: { claim?: string[]; handBack?: string[] } = {}): Asks => ({
  handBacks: (of.handBack ?? []).map(untouched),
  claims: (of.claim ?? []).map((lane) => ({ lane, calls: 0, money: 0, carried: null })),
  counted: [],
  carried: [],
});

/** What is counted, and a way to see what commits do with it. `ran`: lanes of which a job ran when one was through. */
const counting = () => {
  const all = createCounting();
  return {
    add: (lane: string, counts: Counts) => {
      all.add(lane, counts);
    },
    into: (of: Parameters<typeof commit>[0] & { ran?: string[] } = {}): Asks => {
      const work = commit(of);
      all.into(work as Work);
      all.heard(new Map((of.ran ?? of.claim ?? []).map((lane) => [lane, { running: 1 }])));
      return work;
    },
  };
};

describe("what is counted of a lane", () => {
  test("rides with its next claim, which may find nothing, and with its hand-back is counted", () => {
    const { add, into } = counting();
    add(A, { x: 1 });
    add(B, { x: 5 });
    const first = into({ claim: [A], handBack: [B] });
    expect(first.claims.map(({ carried }) => carried)).toEqual(['{"x":1}']);
    expect(first.carried).toEqual([{ lane: A, carried: '{"x":1}' }]);
    expect(first.counted).toEqual([{ lane: B, counts: { x: 5 } }]);
    add(A, { x: 1, y: 1 });
    expect(into({ claim: [A] }).claims.map(({ carried }) => carried)).toEqual(['{"x":2,"y":1}']);
    expect(into({ handBack: [A] }).counted).toEqual([{ lane: A, counts: { x: 2, y: 1 } }]);
  });

  test("is not kept again while nothing is added, but every claim takes it along", () => {
    const { add, into } = counting();
    add(A, { x: 1 });
    expect(into().carried).toHaveLength(1);
    const again = into({ claim: [A] });
    expect(again.carried).toEqual([]);
    expect(again.claims.map(({ carried }) => carried)).toEqual(['{"x":1}']);
  });

  test("is written once, and a lane of which nothing was counted writes nothing", () => {
    const { add, into } = counting();
    add(A, { x: 1 });
    into({ handBack: [A] });
    expect(into({ handBack: [A, B] })).toMatchObject({ counted: [], carried: [] });
    expect(into({ claim: [A] }).claims[0]?.carried).toBeNull();
  });
});

describe("what is counted of a lane that waits for a slot", () => {
  test("goes along with one that is handed back, or claims", () => {
    const { add, into } = counting();
    add(A, { x: 1 });
    add(B, { x: 2 });
    expect(into({ handBack: [B] })).toMatchObject({ counted: [{ lane: B, counts: { x: 3 } }], carried: [] });
    add(A, { x: 1 });
    expect(into({ claim: [B] }).claims[0]?.carried).toBe('{"x":1}');
    expect(into({ handBack: [A] }).counted).toEqual([]);
    expect(into({ handBack: [B] }).counted).toEqual([{ lane: B, counts: { x: 1 } }]);
  });

  test("is kept with that of the others on one row, always the same", () => {
    const { add, into } = counting();
    for (const lane of [A, B, C]) add(lane, { x: 1 });
    expect(into().carried).toEqual([{ lane: A, carried: '{"x":3}' }]);
    add(B, { x: 1 });
    expect(into().carried).toEqual([{ lane: A, carried: '{"x":4}' }]);
    expect(into({ handBack: [A] }).counted).toEqual([{ lane: A, counts: { x: 4 } }]);
  });

  test("stays where its row may have it already: it would be found twice", () => {
    const { add, into } = counting();
    add(A, { x: 1 });
    into({ claim: [A], ran: [] });
    add(A, { x: 1 });
    const { counted, carried } = into({ handBack: [B] });
    expect(counted).toEqual([]);
    expect(carried).toEqual([{ lane: A, carried: '{"x":2}' }]);
  });
});
