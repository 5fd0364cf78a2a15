import { within } from "#core/lib/clock";
import { reasonOf, type Log } from "#core/lib/log";
import type { HandBack, Look } from "#core/store/lanes";
import type { ParkedEvent } from "#core/store/events";
import type { RefreshAsk } from "#core/store/refreshes";
import { commit, type CommitContext, type Found, type Work } from "./commit.ts";
import type { Settlement } from "./settle.ts";

/**
 * The group commit of a turn. Loops ask for what they need, one job at a time; one D1 batch is in flight, and what is
 * asked meanwhile rides in the next. So the cost of a job falls as load grows.
 */
export type Committer = {
  /** Take lanes; resolves once the commit is through. */
  lease(lanes: string[]): Promise<void>;
  /** Claim the next job of a lane. */
  claim(lane: string, how: { alone: boolean }): Promise<Look | null>;
  /** End a lane's overdue first job and claim the next. */
  expire(lane: string): Promise<Look | null>;
  /** Write what a job came to; and in the same commit claim its lane's next, or give the lane back, or neither. */
  settle(settlement: Settled, lane: HandBack, then: "claim" | "hand back" | "keep"): Promise<Look | null>;
  /** Give a lane back; resolves with when it is next due. */
  handBack(lane: HandBack): Promise<Look | null>;
  /** What the commits so far have cost, as D1 bills it. */
  bill(): Bill;
};

/** What a job came to, the refreshes it waits for, and its event if it is parked. */
export type Settled = Settlement & { asks: RefreshAsk[]; parked: ParkedEvent[] };

export type Bill = { commits: number; rows_written: number; rows_read: number };

export type CommitterOptions = Omit<CommitContext, "now"> & {
  now: () => number | null;
  sleep: (ms: number) => Promise<void>;
  random: () => number;
  log: Log;
  /** How many loops may ask soon: those that hold a slot. A commit that has as many does not wait for more. */
  callers: () => number;
};

const TRIES = 4;
/** D1 may hang for longer than a lease lasts: an answer that does not come by then counts as lost. */
const TRY_TIMEOUT_MS = 10_000;
/** How long a commit waits for loops that are still calling X, to take them along. */
const LINGER_MS = 15;

type Waiter = { resolve: (found: Found) => void; reject: (reason: unknown) => void };

export function createCommitter(options: CommitterOptions): Committer {
  let work = emptyWork();
  let waiters: Waiter[] = [];
  let running = false;
  const bill: Bill = { commits: 0, rows_written: 0, rows_read: 0 };
  let full: () => void = () => undefined;
  const isFull = (): boolean => waiters.length >= options.callers();

  async function pump(): Promise<void> {
    running = true;
    // What is asked in the same breath, a lease and its first claims, goes together.
    await options.sleep(0);
    while (waiters.length > 0) {
      if (!isFull())
        await Promise.race([options.sleep(LINGER_MS), new Promise<void>((done) => (full = done))]);
      const [batch, asked] = [work, waiters];
      work = emptyWork();
      waiters = [];
      try {
        const found = await repeated(options, batch);
        bill.commits++;
        bill.rows_written += found.rows_written;
        bill.rows_read += found.rows_read;
        for (const { resolve } of asked) resolve(found);
      } catch (error) {
        options.log("commit.failed", { reason: reasonOf(error) });
        for (const { reject } of asked) reject(error);
      }
    }
    running = false;
  }

  const ask = (add: (work: Work) => void): Promise<Found> =>
    new Promise((resolve, reject) => {
      add(work);
      waiters.push({ resolve, reject });
      if (!running) void pump();
      else if (isFull()) full();
    });

  const askOf = async (lane: string, add: (work: Work) => void): Promise<Look | null> =>
    (await ask(add)).looks.get(lane) ?? null;

  return {
    lease: async (lanes) => {
      await ask((next) => next.leases.push(...lanes));
    },
    claim: (lane, { alone }) =>
      askOf(lane, (next) => {
        next.claims.push(lane);
        next.alone ||= alone;
      }),
    expire: (lane) =>
      askOf(lane, (next) => {
        next.expires.push(lane);
        next.claims.push(lane);
      }),
    settle: ({ ending, closings, asks, parked }, lane, then) =>
      askOf(lane.lane, (next) => {
        next.endings.push(ending);
        next.closings.push(...closings);
        next.asks.push(...asks);
        next.parked.push(...parked);
        if (then === "claim") next.claims.push(lane.lane);
        if (then === "hand back") next.handBacks.push(lane);
      }),
    handBack: (lane) => askOf(lane.lane, (next) => next.handBacks.push(lane)),
    bill: () => ({ ...bill }),
  };
}

const emptyWork = (): Work => ({
  closings: [],
  endings: [],
  asks: [],
  parked: [],
  handBacks: [],
  leases: [],
  expires: [],
  claims: [],
  alone: false,
});

/** Send a commit until it is answered. An answer that was lost may have been a yes: the commit is made to be repeated. */
async function repeated(options: CommitterOptions, work: Work): Promise<Found> {
  for (let attempt = 1; ; attempt++) {
    try {
      const found = await within(commit({ ...options, now: options.now() }, work), TRY_TIMEOUT_MS);
      // On the first sending nothing but a lost lease explains it.
      if (attempt === 1 && found.fenced > 0) options.log("jobs.fenced", { jobs: found.fenced });
      return found;
    } catch (error) {
      if (attempt === TRIES || isRefused(error)) throw error;
      options.log("commit.repeated", { attempt, reason: reasonOf(error) });
      await options.sleep(50 * 2 ** attempt * (0.5 + options.random()));
    }
  }
}

/** The database itself said no: sending the same again cannot help. */
const isRefused = (error: unknown): boolean =>
  /SQLITE_(CONSTRAINT|ERROR|MISMATCH|TOOBIG)/.test(reasonOf(error));
