import { reasonOf } from "#core/lib/log";
import type { Look } from "#core/store/lanes";
import type { Committer } from "./committer.ts";
import type { Consumer } from "./engine.ts";
import { WAKE_HORIZON_MS } from "./limits.ts";
import { run, type Claimed, type Ran } from "./run.ts";
import type { Slots } from "./slots.ts";
import { wake, type Wake } from "./wake.ts";

/** One turn over some lanes of one database: everything a loop needs to know of it. */
export type Turn = {
  consumer: Consumer;
  committer: Committer;
  slots: Slots;
  /** When the lease was asked for, by this Worker's clock: the lease lasts at least that long from then. */
  began_at: number;
};

/** How a loop left its lane: given back, or kept because its first job must run alone. */
export type Left = "given back" | "suspect";

const WAKE_LIMIT_MS = 10_000;

/**
 * Work one lane until it has nothing to do now, or the turn's time is up, and give it back with the wake-up it needs.
 * Never throws: a lane that could not be given back is found again when its lease runs out.
 */
export async function workLane(turn: Turn, lane: string, how: { alone: boolean }): Promise<Left> {
  const { consumer, committer } = turn;
  try {
    const { look, window, newest, held, waking } = await workJobs(turn, lane, how);
    await Promise.all(waking);
    if (look?.suspect === 1 && !how.alone) return "suspect";
    // At once, not at the end of the turn: other lanes may have much to do yet.
    const next = soon(held ? await committer.handBack({ lane, window, newest }) : look);
    if (next) await wake(consumer, [next], WAKE_LIMIT_MS);
  } catch (error) {
    consumer.log("lane.left", { lane, reason: reasonOf(error) });
  }
  return "given back";
}

/**
 * A lane that is due within the horizon is woken by whoever knows: also one that never was ours because its wake-up came
 * early. One that another holds is theirs.
 */
const soon = (look: Look | null): Wake | null =>
  look?.wait_ms != null && look.held === 0 && look.wait_ms <= WAKE_HORIZON_MS
    ? { lane: look.lane, wait_ms: look.wait_ms }
    : null;

/**
 * The loop: one job at a time, each in a slot; its ending and the claim of the next are one commit, and so are the last
 * ending and the hand-back. `held`: whether the lane is still to be given back.
 */
async function workJobs(turn: Turn, lane: string, how: { alone: boolean }) {
  const { committer, slots } = turn;
  let window: string | null = null;
  let newest: string | null = null;
  let look: Look | null = null;
  let held = true;
  const waking: Promise<void>[] = [];

  await slots.acquire();
  try {
    // Alone, when the others are done: it would never have a turn behind lanes that are always busy for all of theirs.
    if (how.alone ? maySend(turn) : mayClaim(turn))
      look = await skipOverdue(turn, await committer.claim(lane, how));
    // Another's, or too early: there is nothing to give back.
    held = look?.mine !== 0;
    while (held && look?.running === 1) {
      const came = await run(turn.consumer, asClaimed(look), () => maySend(turn));
      window = came.window === null ? window : JSON.stringify(came.window);
      newest = came.newest ?? newest;
      if (look.more === null || how.alone || !mayClaim(turn)) {
        look = await committer.settle(came, { lane, window, newest }, "hand back");
        held = false;
      } else if (slots.idle()) {
        look = await skipOverdue(turn, await committer.settle(came, { lane, window, newest }, "claim"));
      } else {
        look = await afterOthers(turn, came, lane, how);
      }
      // Beside the next job: a queue that hangs must not hold the lane.
      const wakes = came.wakes.map((other) => ({ lane: other, wait_ms: 0 }));
      if (wakes.length > 0) waking.push(wake(turn.consumer, wakes, WAKE_LIMIT_MS));
    }
  } finally {
    slots.release();
  }
  return { look, window, newest, held, waking };
}

/** Somebody waits for a slot: they have this one while the ending is written, and the lane claims when it is its turn again. */
async function afterOthers(
  turn: Turn,
  ran: Ran,
  lane: string,
  how: { alone: boolean },
): Promise<Look | null> {
  turn.slots.release();
  try {
    await turn.committer.settle(ran, { lane, window: null, newest: null }, "keep");
  } finally {
    await turn.slots.acquire();
  }
  return mayClaim(turn) ? skipOverdue(turn, await turn.committer.claim(lane, how)) : null;
}

/** Jobs whose time to be sent has passed end here, one after the other, unsent. */
async function skipOverdue(turn: Turn, look: Look | null): Promise<Look | null> {
  let next = look;
  while (next?.overdue === 1 && mayClaim(turn)) next = await turn.committer.expire(next.lane);
  return next;
}

const mayClaim = (turn: Turn): boolean =>
  turn.consumer.clock.now() - turn.began_at < turn.consumer.limits.claims_for_ms;

/** A send needs its margin of the lease: the call may take all of its time, and its ending must be written by then. */
const maySend = (turn: Turn): boolean => {
  const { lease_ms, send_margin_ms } = turn.consumer.limits;
  return turn.consumer.clock.now() - turn.began_at <= lease_ms - send_margin_ms;
};

/** A look that says `running` has the whole row of a job, and its lease. */
const asClaimed = (look: Look): Claimed => look as Claimed;
