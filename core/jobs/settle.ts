import { DAY_MS } from "#core/lib/clock";
import type { GateReason, Outcome } from "#core/lib/outcome";
import type { Problem } from "#core/lib/problem";
import type { Closing } from "#core/store/gates";
import type { Ending } from "#core/store/job-steps";
import type { JobRow } from "#core/store/jobs";
import { appended, exhausted, problemOf } from "./attempt-log.ts";
import { backoffMs, type Backoff } from "./backoff.ts";
import { closing, whole } from "./closing.ts";
import { gateName } from "./define.ts";
import { EXPIRES_AFTER_MS, TWEETS_TURN } from "./limits.ts";

/** An outcome, or the end of a job that cannot even be run. */
export type Verdict = Outcome | { type: "bury"; problem: Problem };

/**
 * What of its kind decides a job's fate. `shut_at`: when a part of X that the job needs was last left alone for its faults;
 * `undo`: where the job goes on from when X's no has ended it, if anything is to be taken back.
 */
export type KindFacts = {
  backoff: Backoff;
  reconcilable: boolean;
  gates: readonly string[];
  shut_at: number | null;
  undo?: ((problem: Problem) => unknown) | undefined;
};

export type Settlement = { ending: Ending; closings: Closing[] };

/** A job as `settle` takes it. `token_version` is that of the pair it ran with, if any. */
export type Settling = JobRow & { lease: string; token_version: number | null };

/** Reasons that hold for one token pair only. */
const OF_THE_TOKEN: readonly GateReason[] = [
  "refreshing",
  "token_expired",
  "token_rejected",
  "token_unavailable",
  "reconnect",
];

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
/** The end of a medium puts what waits for it back; should nobody be left to end it, the job looks again by itself. */
const AWAITS_MS = 300_000;
/** How long a job waits for a gate that is not its lane's, when X does not say: it would be claimed at once. */
const ELSEWHERE_MS = 30_000;

/**
 * What an outcome does to its job: the row's new values and the gates it closes. Pure; `random` is 0..1.
 * A job of which it is unclear whether X acted (`maybe_sent` 2) stays `unknown` through every pause and is never dead.
 */
export function settle(
  job: Settling,
  verdict: Verdict,
  kind: KindFacts,
  now: number,
  random: number,
): Settlement {
  const base = {
    client_id: job.client_id,
    id: job.id,
    lease: job.lease,
    // What was done stays written, however the job goes on or ends.
    result: job.result,
    checkpoint: job.checkpoint,
    crashes: job.crashes,
    expires_at: job.expires_at,
    looks: job.looks,
    losses: job.losses,
    cost: 0,
    estimate: null,
    awaits: null,
  };
  const unclear = job.maybe_sent === 2;
  const log = appended(job.log, verdict, unclear, now);
  const open = {
    state: unclear ? "unknown" : "waiting",
    open: 1,
    final: 0,
    maybe_sent: unclear ? 2 : 0,
  } as const;
  const parked = { state: "unknown", open: null, final: 0, maybe_sent: 2, wait_ms: null } as const;
  const given = (ending: Omit<Ending, keyof typeof base | "log" | "error"> & Partial<Ending>): Ending => ({
    ...base,
    log,
    error: problemOf(verdict),
    ...ending,
    wait_ms: whole(ending.wait_ms),
  });
  const lookAt = (looks: number): Ending =>
    given({
      ...uncounted,
      ...open,
      looks,
      wait_ms: Math.min(
        (LOOKS_AT_MS[looks] ?? 0) - (looks === 0 ? 0 : (LOOKS_AT_MS[looks - 1] ?? 0)),
        Math.max(0, sentBy + (LOOKS_AT_MS[looks] ?? 0) - now),
      ),
      error: job.error,
    });
  // What was found late has been with X for long: of a job that was lost once it is known when its call was over at the latest.
  const sentBy = job.losses === 1 && job.sent_at !== null ? job.sent_at + CALL_OVER_MS : Infinity;
  const isLookedForTooLong = now - (job.sent_at ?? now) > LOOKED_FOR_MS;
  const lookAgain = (): Ending =>
    isLookedForTooLong
      ? given({ ...uncounted, ...parked })
      : given({ ...uncounted, ...open, wait_ms: LOOK_AGAIN_MS * (0.5 + random) });
  const lose = (): Ending =>
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
      : given({ ...counted, ...parked });
  const takeBack = (checkpoint: unknown): Ending | null =>
    checkpoint === null
      ? null
      : given({
          ...open,
          ...AFRESH,
          checkpoint: JSON.stringify(checkpoint),
          wait_ms: 0,
          // What is under way is not left half done because its time to be sent has passed.
          expires_at: Math.max(job.expires_at, now + EXPIRES_AFTER_MS),
        });
  const counted = { attempts: job.attempts };
  const uncounted = { attempts: Math.max(0, job.attempts - 1) };

  switch (verdict.type) {
    case "done":
      return only(
        given({
          ...(unclear ? uncounted : counted),
          ...ended("succeeded"),
          result: JSON.stringify(verdict.result ?? null),
        }),
      );
    case "again":
      return only(
        given({
          ...uncounted,
          ...open,
          ...(verdict.step && AFRESH),
          // It comes on, so it is not what brings its Workers down.
          crashes: 0,
          checkpoint: JSON.stringify(verdict.checkpoint ?? null),
          result: asJson(verdict.result) ?? job.result,
          wait_ms: verdict.after_s * 1000,
        }),
      );
    case "await":
      return only(
        given({
          ...uncounted,
          ...open,
          checkpoint: verdict.checkpoint === undefined ? job.checkpoint : JSON.stringify(verdict.checkpoint),
          awaits: verdict.medium,
          wait_ms: AWAITS_MS,
        }),
      );
    case "wait": {
      const opens_in_ms = verdict.until === null ? null : Math.max(0, verdict.until - now);
      return {
        ending: given({
          ...uncounted,
          ...open,
          wait_ms: kind.gates.includes(gateName(verdict.gate)) ? null : (opens_in_ms ?? ELSEWHERE_MS),
        }),
        closings: [
          {
            ...closing(job, verdict.gate, verdict.reason, opens_in_ms, null),
            // Once the token has moved, what was wrong with it says nothing any more.
            token_version: OF_THE_TOKEN.includes(verdict.reason) ? job.token_version : null,
          },
        ],
      };
    }
    case "unseen": {
      if (!verdict.complete) return only(lookAgain());
      const looks = job.looks + 1;
      if (looks < LOOKS_AT_MS.length) return only(lookAt(looks));
      const early_ms = (kind.shut_at ?? -Infinity) + LAST_LOOK_MS - now;
      if (early_ms > 0) return only(given({ ...uncounted, ...open, wait_ms: early_ms, error: job.error }));
      const mayRepeat = verdict.repost && uncounted.attempts < job.max_attempts;
      return only(
        mayRepeat
          ? given({ ...uncounted, ...open, ...UNSENT, wait_ms: 0, error: job.error })
          : given({ ...uncounted, ...parked, looks, error: job.error }),
      );
    }
    case "retry": {
      // It was the look that failed, not the job.
      if (unclear) return only(lookAgain());
      if (job.attempts < job.max_attempts)
        return only(
          given({
            ...counted,
            ...open,
            wait_ms: backoffMs(kind.backoff, Math.max(1, job.attempts), random, verdict.after_s),
          }),
        );
      return only(given({ ...counted, ...ended("dead"), error: exhausted(verdict.problem) }));
    }
    case "lost":
      return only(lose());
    case "fail":
      // X's no to a look says nothing of the job.
      if (unclear) return only(given({ ...uncounted, ...parked }));
      // What was sent a second time is there already, so the first may be: it is looked for again.
      if (job.losses > 0 && verdict.problem.code === "x_duplicate") return only(lose());
      return only(
        takeBack(kind.undo?.(verdict.problem) ?? null) ??
          given({
            ...counted,
            ...ended("failed"),
            checkpoint: asJson(verdict.checkpoint) ?? job.checkpoint,
          }),
      );
    case "bury":
      return only(given(unclear ? { ...counted, ...parked } : { ...counted, ...ended("dead") }));
  }
}

/** X surely has not acted; and nothing was tried yet of what comes next. */
const UNSENT = { state: "waiting", maybe_sent: 0, looks: 0 } as const;
const AFRESH = { ...UNSENT, attempts: 0, crashes: 0, losses: 0 } as const;

const asJson = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));

const only = (ending: Ending): Settlement => ({ ending, closings: [] });

const ended = (state: "succeeded" | "failed" | "dead") =>
  ({ state, open: null, final: 1, maybe_sent: 0, wait_ms: null }) as const;
