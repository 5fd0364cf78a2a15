import { DAY_MS } from "#core/lib/clock";
import type { Counts } from "#core/store/tallies";
import type { Kind } from "./define.ts";

/** Upper bounds of the buckets in which times are counted, in seconds. What takes longer counts in none but `+Inf`. */
export const BUCKETS_S = {
  late: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600],
  accept: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
} as const;

/** Something that is counted while it goes on. */
export type Tallying = {
  add(key: string, by?: number): void;
  /** A time in ms, in its bucket and in the sum of all. */
  time(of: keyof typeof BUCKETS_S, ms: number): void;
  counts(): Counts;
  /** The same, and begin anew. */
  take(): Counts;
};

export function createTally(): Tallying {
  let counts: Counts = {};
  const add = (key: string, by = 1): void => {
    if (by !== 0) counts[key] = (counts[key] ?? 0) + by;
  };
  return {
    add,
    time: (of, ms) => {
      const bound = BUCKETS_S[of].find((seconds) => ms <= seconds * 1000);
      add(keyOf(of, bound ?? "+Inf"));
      add(keyOf(`${of}_ms`), Math.max(0, Math.round(ms)));
    },
    counts: () => ({ ...counts }),
    take: () => {
      const taken = counts;
      counts = {};
      return taken;
    },
  };
}

/** A key of `tallies`: what is counted, and its labels. */
export const keyOf = (name: string, ...labels: (string | number)[]): string => [name, ...labels].join("|");

/** How many of which kind are taken, but for those that a trigger counts. */
export function acceptedOf(kinds: readonly Pick<Kind, "name" | "own">[]): Counts {
  const tally = createTally();
  for (const { name, own } of kinds) if (own !== true) tally.add(keyOf("accepted", name));
  return tally.counts();
}

/** The money of a day in UTC, in micro-USD. */
export const spendKey = (now: number): string => keyOf("spend", now - (now % DAY_MS));

/** How X took a call: by the hundred, but for those that say to wait; or that there was no answer. */
export const classOf = (status: number | null): string =>
  status === null ? "none" : status === 429 ? "429" : `${Math.floor(status / 100)}xx`;
