import type { Counts } from "#core/store/tallies";
import type { Use } from "#core/store/usage";
import type { Bill } from "./bill.ts";
import type { Kind } from "./define.ts";
import type { Claimed } from "./run.ts";
import type { Settlement, Verdict } from "./settle.ts";
import { keyOf, spendKey, type Tallying } from "./tally.ts";

/** What the account's day is told of: an end, or money. Our own housekeeping is neither. */
export const usesOf = (
  { ending: { state, final, lease } }: Settlement,
  job: Claimed,
  kind: Kind | null,
  bill: Bill,
): Use[] => {
  const { cost, reads } = bill.total();
  const counts = (end: string) => Number(final === 1 && state === end && kind?.housekeeping !== true);
  const use = { succeeded: counts("succeeded"), failed: counts("failed"), dead: counts("dead"), reads, cost };
  return Object.values(use).some((value) => value > 0)
    ? [{ client_id: job.client_id, job_id: job.id, lease, ...use }]
    : [];
};

/** Posted, deleted, uploaded: what has a time to be sent at. Later runs of it are late for reasons of their own. */
export const isFirst = (kind: Kind, { attempts, maybe_sent, checkpoint, awaits }: Claimed): boolean =>
  kind.token &&
  kind.internal !== true &&
  attempts === 1 &&
  maybe_sent < 2 &&
  checkpoint === null &&
  awaits === null;

/** What is counted of a run for whoever watches. */
export function countsOf(
  { ending }: Settlement,
  { kind }: Claimed,
  verdict: Verdict,
  { tally, cost, now }: { tally: Tallying; cost: number; now: number },
): Counts {
  tally.add(keyOf("outcomes", kind, verdict.type));
  if (ending.final === 1) tally.add(keyOf("ended", kind, ending.state));
  tally.add(spendKey(now), cost);
  return tally.counts();
}
