import type { Problem } from "#core/lib/problem";
import type { Hold } from "#core/store/gates";
import type { Ending } from "#core/store/job-steps";
import type { JobRow } from "#core/store/jobs";
import type { Prices } from "#core/x/prices";
import { costOf, type Kind } from "./define.ts";

// What becomes of what a job did, and of what waits behind it, when it stops short of its end.

const SHORT = ["failed", "dead", "unknown"];

/** Where a job goes on from that X's no has ended, to take back what it did; null: nothing is to be taken back. */
export function undoOf(kind: Kind, job: JobRow, problem: Problem): unknown {
  const params = paramsOf(kind, job);
  const checkpoint: unknown = job.checkpoint === null ? null : JSON.parse(job.checkpoint);
  return params === undefined || !kind.undo ? null : kind.undo({ params, checkpoint }, problem);
}

/**
 * What a job will have cost in the end that X's no sends another way, to take back what it did and then perhaps anew; null: what
 * it was thought to cost. `cost` is that of this run.
 */
export function estimateOf(
  kind: Kind | null,
  job: JobRow,
  { checkpoint }: Pick<Ending, "checkpoint">,
  verdict: { type: string },
  cost: number,
  prices: Prices,
): number | null {
  if (!kind || verdict.type !== "fail" || checkpoint === null || checkpoint === job.checkpoint) return null;
  const params = paramsOf(kind, job);
  if (params === undefined) return null;
  return job.cost_actual + cost + costOf({ kind, params, checkpoint: JSON.parse(checkpoint) }, prices);
}

/** What a job holds that ends so: what is behind it, until its client decides. */
export function holdsOf(kind: Kind | null, job: JobRow & { lease: string }, ending: Ending): Hold[] {
  const isShort = ending.open === null && SHORT.includes(ending.state);
  const params = isShort && kind?.holds ? paramsOf(kind, job) : undefined;
  return params !== undefined && kind?.holds?.(params)
    ? [{ client_id: job.client_id, job_id: job.id, lease: job.lease }]
    : [];
}

const paramsOf = (kind: Kind, job: JobRow) => kind.params.safeParse(JSON.parse(job.params)).data;
