import { describe, expect, test } from "vitest";
import type { Work } from "#core/jobs/commit";
import { createCounting } from "#core/jobs/counting";
import { untouched } from "#core/store/lanes";
import type { Counts } from "#core/store/tallies";

type Asks = Pick<Work, "handBacks" | "claims" | "counted" | "carried">;

const [A, B] = ["tweets:a", "tweets:b"];
const commit = (of: { claim?: string[]; handBack?: string[] } = {}): Asks => ({
  handBacks: (of.handBack ?? []).map(untouched),
  claims: (of.claim ?? []).map((lane) => ({ lane, calls: 0, money: 0, carried: null })),
  counted: [],
  carried: [],
});

describe("what is counted of a lane", () => {
  const counting = () => {
    const all = createCounting();
    return {
      add: (lane: string, counts: Counts) => {
        all.add(lane, counts);
      },
      into: (of: Parameters<typeof commit>[0] = {}): Asks => {
        const work = commit(of);
        all.into(work as Work);
        return work;
      },
    };
  };

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
