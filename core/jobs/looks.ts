import { DAY_MS } from "#core/lib/clock";
import type { Outcome } from "#core/lib/outcome";
import type { Ending } from "#core/store/job-steps";
import { PARKED, UNSENT, type Run } from "./ending.ts";
import { TWEETS_TURN } from "./limits.ts";

/** When a job that may have been sent is looked for, counted from the end of the call. Then it may be sent once more. */
const LOOKS_AT_MS = [5_000, 30_000, 120_000] as const;
/** A call is over so long after its claim: a commit, then the call. */
const CALL_OVER_MS = TWEETS_TURN.lease_ms - TWEETS_TURN.send_margin_ms + TWEETS_TURN.call_ms;
/** The pause after a look that did not count. */
const LOOK_AGAIN_MS = 30_000;
/** X, once it is well, may show late what it took while it was not: the last look comes this long after. */
const LAST_LOOK_MS = 120_000;
/** What could not be looked for within this time, a person must find out. */
const LOOKED_FOR_MS = DAY_MS;

/** X may have acted: it is looked for, by a kind that can; else a person must. */
export const lose = ({ job, kind, given, counted, open }: Run): Ending =>
  kind.reconcilable
    ? given({
        ...counted,
        ...open,
        state: "unknown",
        maybe_sent: 2,
        looks: 0,
        losses: job.losses + 1,
        wait_ms: LOOKS_AT_MS[0],
      })
    : given({ ...counted, ...PARKED });

/** A look that did not count: another comes a little later, for a day. */
export function lookAgain({ job, given, uncounted, open, now, random }: Run): Ending {
  return now - (job.sent_at ?? now) > LOOKED_FOR_MS
    ? given({ ...uncounted, ...PARKED })
    : given({ ...uncounted, ...open, wait_ms: LOOK_AGAIN_MS * (0.5 + random) });
}

/** A look that did not find it: the next comes, then the job is sent once more if it surely is not there, else it is parked. */
export function unseen(run: Run, verdict: Extract<Outcome, { type: "unseen" }>): Ending {
  const { job, kind, given, uncounted, open, now } = run;
  if (!verdict.complete) return lookAgain(run);
  const looks = job.looks + 1;
  const next_ms = LOOKS_AT_MS[looks];
  if (next_ms !== undefined)
    return given({
      ...uncounted,
      ...open,
      looks,
      wait_ms: pauseBefore(run, looks, next_ms),
      error: job.error,
    });
  const early_ms = (kind.shut_at ?? -Infinity) + LAST_LOOK_MS - now;
  if (early_ms > 0) return given({ ...uncounted, ...open, wait_ms: early_ms, error: job.error });
  const mayRepeat = verdict.repost && uncounted.attempts < job.max_attempts;
  return mayRepeat
    ? given({ ...uncounted, ...open, ...UNSENT, wait_ms: 0, error: job.error })
    : given({ ...uncounted, ...PARKED, looks, error: job.error });
}

/** What was found late has been with X for long: of a job that was lost once it is known when its call was over at the latest. */
function pauseBefore({ job, now }: Run, looks: number, next_ms: number): number {
  const sentBy = job.losses === 1 && job.sent_at !== null ? job.sent_at + CALL_OVER_MS : Infinity;
  return Math.min(next_ms - (LOOKS_AT_MS[looks - 1] ?? 0), Math.max(0, sentBy + next_ms - now));
}
