import { newId, type Entropy } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as jobs from "#core/store/jobs";
import type { JobRow, NewJob } from "#core/store/jobs";
import * as lanes from "#core/store/lanes";
import type { LaneRow } from "#core/store/lanes";
import { shard, type Databases } from "#core/store/shard";
import { gatesOf, laneOf, type Kind } from "./define.ts";
import { EXPIRES_AFTER_MS, WAKE_HORIZON_MS } from "./limits.ts";
import { needsOf } from "./needs.ts";
import type { Wake } from "./wake.ts";

/** What a client asks for, its params read by the kind's schema. Times in epoch ms. */
export type Order = {
  client_id: string;
  account_id: string;
  kind: Kind;
  params: unknown;
  run_at: number | null;
  expires_at: number | null;
  /** After it is due, where there is no `expires_at`. Left out: a week. */
  expires_after_ms?: number | undefined;
  /** Any order: does not hold what comes behind it while it backs off. */
  any_order: boolean;
  max_attempts: number | null;
  metadata: unknown;
  /** What it will cost, in micro-USD. */
  cost_estimated: number;
  /** Where its client is told how it ended. */
  callback_url?: string | null;
};

/** The row that was written, what D1 bills for it, and the wake-up to send once the client has its answer. */
export type Enqueued = { job: JobRow; wake: Wake | null; rows_written: number };

/** A new job's id, on its account's database. */
export const jobIdFor = (order: Order, now: number, chance?: Entropy): string =>
  newId("job", order.account_id.slice(-1), now, chance);

/**
 * Write a job and note on its lane that there is something to do: one transaction, which may be sent again with the same
 * id, and then says so (`repeated`).
 * Throws `not_found` when the account is not one of the client's.
 */
export async function enqueue(
  databases: Databases,
  order: Order,
  id: string,
  clock: { now: number; stored: number | null },
  repeated = false,
): Promise<Enqueued> {
  const db = shard(databases, order.account_id);
  if (db === null) throw accountNotFound();
  const row: NewJob = { ...rowOf(order, id), client_id: order.client_id, created_at: clock.now };
  const results = await db.batch([
    jobs.insert(db, clock.stored, [row]),
    lanes.schedule(db, clock.stored, [{ client_id: row.client_id, id, gates: gatesOf(order.kind) }]),
    jobs.find(db, row.client_id, id),
    ...(await needsOf(db, [{ ...order, job_id: id }], clock)),
  ]);
  const [, scheduled, found] = results;
  const job = (found?.results as JobRow[] | undefined)?.[0];
  if (!job) throw accountNotFound();
  const moved = (scheduled?.results as ScheduledLane[] | undefined)?.[0];
  // The first sending may have moved the lane, and its answer was lost.
  const again = repeated ? { lane: row.lane, wait_ms: Math.max(0, job.due_at - clock.now) } : undefined;
  const rows_written = results.reduce((sum, { meta }) => sum + meta.rows_written, 0);
  return { job, wake: wakeFor(moved ?? again), rows_written };
}

/** What an order says of its job's row. */
export const rowOf = (order: Order, id: string): Omit<NewJob, "client_id" | "created_at"> => ({
  id,
  kind: order.kind.name,
  account_id: order.account_id,
  lane: laneOf(order.kind, order.account_id, order.params),
  ordered: order.kind.ordered && !order.any_order ? 1 : 0,
  max_attempts: order.max_attempts ?? order.kind.backoff.attempts,
  params: JSON.stringify(order.params),
  callback_url: order.callback_url ?? null,
  run_at: order.run_at,
  expires_at: order.expires_at,
  expires_after_ms: order.expires_after_ms ?? EXPIRES_AFTER_MS,
  metadata: order.metadata === null ? null : JSON.stringify(order.metadata),
  cost_estimated: order.cost_estimated,
});

export type ScheduledLane = Pick<LaneRow, "lane"> & { wait_ms: number };

/** A lane whose time moved is woken by us if that is soon, and by the clock if it is not. */
export const wakeFor = (lane: ScheduledLane | undefined): Wake | null =>
  lane !== undefined && lane.wait_ms <= WAKE_HORIZON_MS ? { lane: lane.lane, wait_ms: lane.wait_ms } : null;

const accountNotFound = (): Problem =>
  new Problem("not_found", {
    detail: "No such account",
    errors: [{ pointer: "/account_id", code: "not_found", detail: "No such account" }],
  });
