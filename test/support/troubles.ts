import type { FaultRule } from "../../simulator/simulator.ts";

/** What goes wrong between a Worker and its databases and queues. */
export type Trouble = "message lost" | "message doubled" | "commit failed" | "commit not answered";

/** How often each goes wrong, as a share of the messages or the commits. */
export type Shares = Record<Trouble, number>;

export const SHARES: Shares = {
  "message lost": 0.02,
  "message doubled": 0.02,
  "commit failed": 0.005,
  "commit not answered": 0.005,
};

/** Longer than anybody waits. */
const FOR_EVER_MS = 1_000_000_000;

type Fault = FaultRule["fault"];

/** What X does to posts, and to which share of them: in 5 of 100 it acts and does not say so. */
export const FAULTS: readonly (readonly [share: number, fault: Fault])[] = [
  [0.017, { kind: "error", status: 503, when: "after" }],
  [0.017, { kind: "drop", when: "after" }],
  [0.016, { kind: "hang", ms: FOR_EVER_MS, when: "after" }],
  [0.05, { kind: "error", status: 502, when: "before" }],
  [0.02, { kind: "rate_limited", headers: false }],
];

export const POSTS = { method: "POST", path: "^/2/tweets$" };

/** Whether a post with this fault stands in X's books all the same. */
export const isAmbiguous = (fault: Fault): boolean => "when" in fault && fault.when === "after";

/** The fault that one post meets, or none: by chance, `times` as often as usual. */
export function faultBy(chance: () => number, times = 1): Fault | null {
  let rest = chance();
  for (const [share, fault] of FAULTS) {
    if (rest < share * times) return fault;
    rest -= share * times;
  }
  return null;
}
