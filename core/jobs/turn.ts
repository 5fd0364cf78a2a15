import { reasonOf } from "#core/lib/log";
import type { Head } from "#core/store/jobs";
import type { LaneState, WindowReading } from "#core/store/lanes";
import type { Committer } from "./committer.ts";
import type { Consumer } from "./engine.ts";
import { WAKE_HORIZON_MS } from "./limits.ts";
import { run, type Claimed } from "./run.ts";
import type { Slots } from "./slots.ts";
import type { Wake } from "./wake.ts";

/** One turn over some lanes of one database: everything a loop needs to know of it. */
export type Turn = {
  consumer: Consumer;
  committer: Committer;
  slots: Slots;
  /** When the lease was asked for, by this Worker's clock: the lease lasts at least that long from then. */
  began_at: number;
};

/** How a loop left its lane. */
export type Left = { wake: Wake | null; suspect: boolean };

const UNTOUCHED: Left = { wake: null, suspect: false };

/**
 * Work one leased lane until it has nothing to do now, or the turn's time is up, and give it back. Never throws: a lane
 * that cannot be given back is found again when its lease runs out.
 */
export async function workLane(turn: Turn, lane: string, how: { alone: boolean }): Promise<Left> {
  try {
    const { window, suspect } = await workJobs(turn, lane, how);
    if (suspect) return { wake: null, suspect };
    return { wake: soon(await turn.committer.handBack(lane, window)), suspect };
  } catch (error) {
    turn.consumer.log("lane.left", { lane, reason: reasonOf(error) });
    return UNTOUCHED;
  }
}

/**
 * A lane that is due within the horizon is woken by whoever knows: also one that never was ours because its wake-up came
 * early. One that another holds is theirs.
 */
const soon = (state: LaneState | null): Wake | null =>
  state?.wait_ms != null && state.held === 0 && state.wait_ms <= WAKE_HORIZON_MS
    ? { lane: state.lane, wait_ms: state.wait_ms }
    : null;

/** The loop: one job at a time, each in a slot; its ending and the claim of the next are one commit. */
async function workJobs(turn: Turn, lane: string, how: { alone: boolean }) {
  const { committer, slots } = turn;
  let window: string | null = null;
  let next: Head | null = null;
  let suspect = false;

  await slots.acquire();
  try {
    next = mayClaim(turn) ? await claim(turn, lane, how) : null;
    while (next?.mine === 1) {
      const job = asClaimed(next);
      const { ending, closings, window: reading } = await run(turn.consumer, job, () => maySend(turn));
      window = asWindow(reading) ?? window;
      if (mayClaim(turn) && slots.idle() && !how.alone) {
        next = await skipOverdue(turn, lane, await committer.settle(ending, closings, true, lane));
        continue;
      }
      // Somebody waits for a slot: let it have this one while the ending is written.
      slots.release();
      try {
        await committer.settle(ending, closings, false, lane);
      } finally {
        await slots.acquire();
      }
      next = mayClaim(turn) && !how.alone ? await claim(turn, lane, how) : null;
    }
    suspect = next?.suspect === 1;
  } finally {
    slots.release();
  }
  return { window, suspect };
}

const claim = async (turn: Turn, lane: string, how: { alone: boolean }): Promise<Head | null> =>
  skipOverdue(turn, lane, await turn.committer.claim(lane, how));

/** Jobs whose time to be sent has passed end here, one after the other, unsent. */
async function skipOverdue(turn: Turn, lane: string, head: Head | null): Promise<Head | null> {
  let next = head;
  while (next?.overdue === 1 && mayClaim(turn)) next = await turn.committer.expire(lane);
  return next;
}

const mayClaim = (turn: Turn): boolean =>
  turn.consumer.clock.now() - turn.began_at < turn.consumer.limits.claims_for_ms;

/** A send needs its margin of the lease: the call may take all of its time, and its ending must be written by then. */
const maySend = (turn: Turn): boolean => {
  const { lease_ms, send_margin_ms } = turn.consumer.limits;
  return turn.consumer.clock.now() - turn.began_at <= lease_ms - send_margin_ms;
};

function asClaimed(head: Head): Claimed {
  if (head.lease === null) throw new Error("a running job without a lease");
  return { ...head, lease: head.lease };
}

const asWindow = (reading: WindowReading | null): string | null =>
  reading === null ? null : JSON.stringify(reading);
