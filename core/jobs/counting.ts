import type { Counts } from "#core/store/tallies";
import type { Work } from "./commit.ts";
import { createTally, type Tallying } from "./tally.ts";

/** What is counted of each lane of a turn, until its hand-back writes it. */
export type Counting = {
  add(lane: string, counts: Counts): void;
  /** Put into a commit what is counted of its lanes, so that it is found wherever the Worker dies. */
  into(work: Work): void;
};

export function createCounting(): Counting {
  const lanes = new Map<string, Tallying>();
  const tallyOf = (lane: string): Tallying => {
    const known = lanes.get(lane) ?? createTally();
    lanes.set(lane, known);
    return known;
  };
  /** Lanes of which something was counted since a commit last knew. */
  const fresh = new Set<string>();

  return {
    add(lane, counts) {
      for (const [key, value] of Object.entries(counts)) tallyOf(lane).add(key, value);
      fresh.add(lane);
    },
    into(work) {
      for (const { lane } of work.handBacks) {
        const counts = lanes.get(lane)?.take() ?? {};
        if (Object.keys(counts).length > 0) work.counted.push({ lane, counts });
        lanes.delete(lane);
        fresh.delete(lane);
      }
      for (const claim of work.claims) {
        const tally = lanes.get(claim.lane);
        if (tally) claim.carried = JSON.stringify(tally.counts());
      }
      for (const lane of fresh) work.carried.push({ lane, carried: JSON.stringify(tallyOf(lane).counts()) });
      fresh.clear();
    },
  };
}
