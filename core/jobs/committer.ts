import { within } from "#core/lib/clock";
import { reasonOf, type Log } from "#core/lib/log";
import type { Spent } from "#core/store/allowances";
import type { AppReading } from "#core/store/app-days";
import type { Shortage } from "#core/store/caps";
import type { Hearing } from "#core/store/breaker";
import type { Hold } from "#core/store/gates";
import type { Claim } from "#core/store/job-steps";
import type { HandBack, Look } from "#core/store/lanes";
import type { DueLane } from "#core/store/deliveries";
import type { Awaited } from "#core/store/awaiting";
import type { Bound, UploadAsk } from "#core/store/media-bindings";
import type { RefreshAsk } from "#core/store/refreshes";
import type { Counts } from "#core/store/tallies";
import type { Use } from "#core/store/usage";
import type { BatchTouch } from "./batch-ends.ts";
import { commit, type CommitContext, type Found, type Work } from "./commit.ts";
import { createCounting } from "./counting.ts";
import type { Settlement } from "./settle.ts";

/**
 * The group commit of a turn. Loops ask for what they need, one job at a time; one D1 batch is in flight, and what is
 * asked meanwhile rides in the next. So the cost of a job falls as load grows.
 */
export type Committer = {
  /** Take lanes; resolves once the commit is through. */
  lease(lanes: string[]): Promise<void>;
  /** Claim the next job of a lane. */
  claim(lane: HandBack, how: { alone: boolean }): Promise<Look | null>;
  /** Try a part of X that was broken, if nobody else does, and claim the next job of a lane. */
  probe(lane: HandBack): Promise<Look | null>;
  /** End a lane's overdue first job, its client's and of those batches, and claim the next. */
  expire(lane: HandBack, of: { client: string; batches: BatchTouch[] }): Promise<Look | null>;
  /** Write what a job came to; and in the same commit claim its lane's next, or give the lane back, or neither. */
  settle(
    settlement: Settled,
    lane: HandBack,
    then: "claim" | "hand back" | "keep",
    given: Given,
  ): Promise<Look | null>;
  /** Give a lane back; resolves with when it is next due. */
  handBack(lane: HandBack, given: Given): Promise<Look | null>;
  /** What the commits so far have cost, as D1 bills it. */
  bill(): Bill;
};

/** What a lane was given of its allowances under this lease; null: what it likes. */
export type Given = Pick<Look, "calls" | "money">;

/** What a job came to, used, counts for, holds and heard of X, the refreshes it waits for, who may be told, and its batch. */
export type Settled = Settlement & {
  uses: Use[];
  counts: Counts;
  holds: Hold[];
  hearings: Hearing[];
  readings: Omit<AppReading, "held">[];
  asks: RefreshAsk[];
  tells: string[];
  batches: BatchTouch[];
} & Media;

/** What an ending has to do with media. */
export type Media = { uploads: UploadAsk[]; bound: Bound[]; awaited: Awaited[] };

export type Bill = { commits: number; rows_written: number; rows_read: number };

export type CommitterOptions = Omit<CommitContext, "now"> & {
  now: () => number | null;
  sleep: (ms: number) => Promise<void>;
  random: () => number;
  log: Log;
  /** How many loops may ask soon: those that hold a slot. A commit that has as many does not wait for more. */
  callers: () => number;
  /** Hears of lanes of webhooks that have something to do, once a commit is through. */
  tell?: (lanes: DueLane[]) => void;
  /** Hears of what was too little of the caps of clients that another database keeps. */
  lack?: (short: Shortage[]) => void;
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
  const counting = createCounting();
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
      counting.into(batch);
      try {
        const found = await repeated(options, batch);
        counting.heard(found.looks);
        bill.commits++;
        bill.rows_written += found.rows_written;
        bill.rows_read += found.rows_read;
        if (found.told.length > 0) options.tell?.(found.told);
        if (found.short.length > 0) options.lack?.(found.short);
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
      askOf(lane.lane, (next) => {
        next.claims.push(claimOf(lane));
        next.alone ||= alone;
      }),
    probe: (lane) =>
      askOf(lane.lane, (next) => {
        next.probes.push(lane.lane);
        next.claims.push(claimOf(lane));
      }),
    expire: (lane, { client, batches }) =>
      askOf(lane.lane, (next) => {
        next.tells.push(client);
        next.expires.push(lane.lane);
        next.batches.push(...batches);
        next.claims.push(claimOf(lane));
      }),
    settle: (came, lane, then, given) =>
      askOf(lane.lane, (next) => {
        next.endings.push(came.ending);
        next.uses.push(...came.uses);
        counting.add(lane.lane, came.counts);
        next.closings.push(...came.closings);
        next.readings.push(
          ...came.readings.map((one) => ({ ...one, held: Math.max(0, (given.calls ?? 0) - lane.calls) })),
        );
        next.holds.push(...came.holds);
        next.hearings.push(...came.hearings);
        next.asks.push(...came.asks);
        next.tells.push(...came.tells);
        next.uploads.push(...came.uploads);
        next.bound.push(...came.bound);
        next.awaited.push(...came.awaited);
        next.batches.push(...came.batches);
        if (then === "claim") next.claims.push(claimOf(lane));
        if (then === "hand back") handBack(next, lane, given);
      }),
    handBack: (lane, given) =>
      askOf(lane.lane, (next) => {
        handBack(next, lane, given);
      }),
    bill: () => ({ ...bill }),
  };
}

const spentOf = ({ lane, calls, money }: HandBack): Spent => ({ lane, calls, money });

const claimOf = (lane: HandBack): Claim => ({ ...spentOf(lane), carried: null });

/** A lane that used exactly what it was given has nothing to give back; one that could use nothing may have been given too little. */
function handBack(work: Work, lane: HandBack, given: Given): void {
  work.handBacks.push(lane);
  const differs = (given.calls ?? lane.calls) !== lane.calls || (given.money ?? lane.money) !== lane.money;
  if (differs) work.givenBack.push(spentOf(lane));
  const isLimited = given.calls !== null || given.money !== null;
  if (isLimited && lane.calls === 0) work.shut.push(lane.lane);
}

const emptyWork = (): Work => ({
  closings: [],
  readings: [],
  holds: [],
  hearings: [],
  endings: [],
  uses: [],
  asks: [],
  tells: [],
  uploads: [],
  bound: [],
  awaited: [],
  batches: [],
  handBacks: [],
  counted: [],
  givenBack: [],
  shut: [],
  leases: [],
  expires: [],
  probes: [],
  claims: [],
  carried: [],
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
