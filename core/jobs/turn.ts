import { reasonOf } from "#core/lib/log";
import type { HandBack, Look } from "#core/store/lanes";
import { touchOf } from "./batch-ends.ts";
import type { Committer, Given } from "./committer.ts";
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
 * Work one lane until it has nothing to do now, or the turn's time is up, and give it back with the wake-up it needs. `held` is
 * the lane as this turn has it, and is kept up to date.
 * Never throws: a lane that could not be given back is found again when its lease runs out.
 */
export async function workLane(turn: Turn, held: HandBack, how: { alone: boolean }): Promise<Left> {
  const { consumer, committer } = turn;
  try {
    const { look, given, mine, waking } = await workJobs(turn, held, how);
    await Promise.all(waking);
    if (look?.suspect === 1 && !how.alone) return "suspect";
    // At once, not at the end of the turn: other lanes may have much to do yet.
    const next = soon(mine ? await committer.handBack(held, given) : look);
    if (next) await wake(consumer, [next], WAKE_LIMIT_MS);
  } catch (error) {
    consumer.log("lane.left", { lane: held.lane, reason: reasonOf(error) });
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
 * ending and the hand-back. `mine`: whether the lane is still to be given back.
 */
async function workJobs(turn: Turn, held: HandBack, how: { alone: boolean }) {
  const { committer, slots } = turn;
  let look: Look | null = null;
  let given: Given = UNLIMITED;
  let mine = true;
  const waking: Promise<void>[] = [];

  await slots.acquire();
  try {
    // Alone, when the others are done: it would never have a turn behind lanes that are always busy for all of theirs.
    if (how.alone ? maySend(turn) : mayClaim(turn))
      look = await clearWay(turn, held, await committer.claim(held, how));
    // Another's, or too early: there is nothing to give back.
    mine = look?.mine !== 0;
    given = look ?? given;
    while (mine && look?.running === 1) {
      const came = await run(turn.consumer, asClaimed(look), () => maySend(turn));
      note(held, came);
      const isOver = look.more === null && came.ending.wait_ms !== 0;
      if (isOver || how.alone || !mayClaim(turn) || isUsedUp(held, given)) {
        look = await committer.settle(came, held, "hand back", given);
        mine = false;
      } else if (slots.idle()) {
        look = await clearWay(turn, held, await committer.settle(came, held, "claim", given));
      } else {
        look = await afterOthers(turn, came, held, given, how);
      }
      // Beside the next job: a queue that hangs must not hold the lane.
      const wakes = came.wakes.map((other) => ({ lane: other, wait_ms: 0 }));
      if (wakes.length > 0) waking.push(wake(turn.consumer, wakes, WAKE_LIMIT_MS));
    }
  } finally {
    slots.release();
  }
  return { look, given, mine, waking };
}

const UNLIMITED: Given = { calls: null, money: null };

/** What a run says of its lane. */
function note(held: HandBack, { window, newest, spent }: Ran): void {
  held.window = window === null ? held.window : JSON.stringify(window);
  held.newest = newest ?? held.newest;
  held.calls += spent.calls;
  held.money += spent.money;
}

/** Then others have their turn, before it is given more. */
const isUsedUp = (held: HandBack, { calls }: Given): boolean => calls !== null && held.calls >= calls;

/** Somebody waits for a slot: they have this one while the ending is written, and the lane claims when it is its turn again. */
async function afterOthers(
  turn: Turn,
  ran: Ran,
  held: HandBack,
  given: Given,
  how: { alone: boolean },
): Promise<Look | null> {
  turn.slots.release();
  try {
    await turn.committer.settle(ran, held, "keep", given);
  } finally {
    await turn.slots.acquire();
  }
  return mayClaim(turn) ? clearWay(turn, held, await turn.committer.claim(held, how)) : null;
}

/**
 * What stands before the next job: jobs whose time to be sent has passed end here, one after the other, unsent; and a part of
 * X that was broken long enough is tried once, if nobody else does.
 */
async function clearWay(turn: Turn, held: HandBack, look: Look | null): Promise<Look | null> {
  let next = look;
  while (next?.overdue === 1 && mayClaim(turn))
    next = await turn.committer.expire(held, {
      client: next.client_id ?? "",
      batches: touchOf(asClaimed(next)),
    });
  if (next?.half_open === 1 && next.mine === 1 && mayClaim(turn)) next = await turn.committer.probe(held);
  return next;
}

const mayClaim = (turn: Turn): boolean =>
  turn.consumer.clock.now() - turn.began_at < turn.consumer.limits.claims_for_ms;

/** A send needs its margin of the lease: the call may take all of its time, and its ending must be written by then. */
const maySend = (turn: Turn): boolean => {
  const { lease_ms, send_margin_ms } = turn.consumer.limits;
  return turn.consumer.clock.now() - turn.began_at <= lease_ms - send_margin_ms;
};

/** A look that says `running` or `overdue` has the whole row of a job; the first has its lease. */
const asClaimed = (look: Look): Claimed => look as Claimed;
