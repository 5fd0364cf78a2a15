import { DAY_MS } from "#core/lib/clock";
import type { GateReason, GateRef, Outcome } from "#core/lib/outcome";
import type { Problem } from "#core/lib/problem";
import { Problem as ProblemError } from "#core/lib/problem";
import type { Closing } from "#core/store/gates";
import type { Ending } from "#core/store/job-steps";
import type { JobRow } from "#core/store/jobs";
import { backoffMs, type Backoff } from "./backoff.ts";
import { gateName } from "./define.ts";

/** An outcome, or the end of a job that cannot even be run. */
export type Verdict = Outcome | { type: "bury"; problem: Problem };

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

const LOG_KEEPS = 20;
/** When a job that may have been sent is looked for, counted from the end of the call. Then it may be sent once more. */
const LOOKS_AT_MS = [5_000, 30_000, 120_000] as const;
/** The pause after a look that did not count. */
const LOOK_AGAIN_MS = 30_000;
/** What could not be looked for within this time, a person must find out. */
const LOOKED_FOR_MS = DAY_MS;
/** How long a job waits for a gate that is not its lane's, when X does not say: it would be claimed at once. */
const ELSEWHERE_MS = 30_000;

/**
 * What an outcome does to its job: the row's new values and the gates it closes. Pure; `random` is 0..1.
 * A job of which it is unclear whether X acted (`maybe_sent` 2) stays `unknown` through every pause and is never dead.
 */
export function settle(
  job: Settling,
  verdict: Verdict,
  kind: { backoff: Backoff; reconcilable: boolean; gates: readonly string[] },
  now: number,
  random: number,
): Settlement {
  const base = {
    client_id: job.client_id,
    id: job.id,
    lease: job.lease,
    result: null,
    checkpoint: job.checkpoint,
    looks: job.looks,
    losses: job.losses,
  };
  const unclear = job.maybe_sent === 2;
  const log = appended(job.log, verdict, now);
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
  });
  const lookAt = (looks: number): Ending =>
    given({
      ...uncounted,
      ...open,
      looks,
      wait_ms: (LOOKS_AT_MS[looks] ?? 0) - (looks === 0 ? 0 : (LOOKS_AT_MS[looks - 1] ?? 0)),
      error: job.error,
    });
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
          checkpoint: JSON.stringify(verdict.checkpoint ?? null),
          wait_ms: verdict.after_s * 1000,
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
      const mayRepeat = verdict.repost && uncounted.attempts < job.max_attempts;
      return only(
        mayRepeat
          ? given({
              ...uncounted,
              ...open,
              state: "waiting",
              maybe_sent: 0,
              looks: 0,
              wait_ms: 0,
              error: job.error,
            })
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
      return only(given({ ...counted, ...ended("failed") }));
    case "bury":
      return only(given(unclear ? { ...counted, ...parked } : { ...counted, ...ended("dead") }));
  }
}

const only = (ending: Ending): Settlement => ({ ending, closings: [] });

const ended = (state: "succeeded" | "failed" | "dead") =>
  ({ state, open: null, final: 1, maybe_sent: 0, wait_ms: null }) as const;

/** Close a gate on behalf of a job. Its `{app}` is filled in by the store, which knows the lane's app. */
export function closing(
  job: Settling,
  gate: GateRef,
  reason: string,
  opens_in_ms: number | null,
  reading: { limit: number; remaining: number } | null,
): Closing {
  return {
    name: gateName(gate).replace("{account}", job.account_id),
    reason,
    opens_in_ms,
    limit: reading?.limit ?? null,
    remaining: reading?.remaining ?? null,
    client_id: job.client_id,
    job_id: job.id,
    lease: job.lease,
    token_version: null,
  };
}

function problemOf(verdict: Verdict): string | null {
  const problem = "problem" in verdict ? verdict.problem : null;
  return problem === null ? null : JSON.stringify(problem);
}

function exhausted(last: Problem): string {
  const { upstream } = last.extra;
  const detail = `Every attempt failed; the last one: ${last.extra.detail ?? last.code}`;
  return JSON.stringify(new ProblemError("attempts_exhausted", upstream ? { detail, upstream } : { detail }));
}

/** The attempt log with one entry more, bounded to the last 20. */
function appended(log: string, verdict: Verdict, now: number): string {
  const problem = "problem" in verdict ? verdict.problem : null;
  const entry = {
    at: now,
    outcome: verdict.type,
    ...(verdict.type === "unseen" && { reads: verdict.reads, complete: verdict.complete }),
    ...(problem && {
      status: problem.extra.upstream?.status ?? null,
      code: problem.code,
      detail: problem.extra.detail ?? null,
    }),
  };
  return JSON.stringify([...(JSON.parse(log) as unknown[]), entry].slice(-LOG_KEEPS));
}
