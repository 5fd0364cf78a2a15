import type { GateReason, Outcome } from "#core/lib/outcome";
import type { Problem } from "#core/lib/problem";
import type { Closing } from "#core/store/gates";
import type { Ending } from "#core/store/job-steps";
import type { JobRow } from "#core/store/jobs";
import { exhausted } from "./attempt-log.ts";
import { backoffMs, type Backoff } from "./backoff.ts";
import { closing } from "./closing.ts";
import { gateName } from "./define.ts";
import { AFRESH, ended, PARKED, runOf, type Run } from "./ending.ts";
import { EXPIRES_AFTER_MS } from "./limits.ts";
import { lookAgain, lose, unseen } from "./looks.ts";

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
  const run = runOf(job, verdict, { kind, now, random });
  if (verdict.type === "wait") return waiting(run, verdict);
  return { ending: endingOf(run, verdict), closings: [] };
}

function endingOf(run: Run, verdict: Exclude<Verdict, { type: "wait" }>): Ending {
  const { job, kind, random, unclear, given, counted, uncounted, open } = run;
  switch (verdict.type) {
    case "done":
      return given({
        ...(unclear ? uncounted : counted),
        ...ended("succeeded"),
        result: JSON.stringify(verdict.result ?? null),
      });
    case "again":
      return given({
        ...uncounted,
        ...open,
        ...(verdict.step && AFRESH),
        // It comes on, so it is not what brings its Workers down.
        crashes: 0,
        checkpoint: JSON.stringify(verdict.checkpoint ?? null),
        result: asJson(verdict.result) ?? job.result,
        wait_ms: verdict.after_s * 1000,
      });
    case "await":
      return given({
        ...uncounted,
        ...open,
        checkpoint: verdict.checkpoint === undefined ? job.checkpoint : JSON.stringify(verdict.checkpoint),
        awaits: verdict.medium,
        wait_ms: AWAITS_MS,
      });
    case "unseen":
      return unseen(run, verdict);
    case "retry": {
      // It was the look that failed, not the job.
      if (unclear) return lookAgain(run);
      if (job.attempts < job.max_attempts)
        return given({
          ...counted,
          ...open,
          wait_ms: backoffMs(kind.backoff, Math.max(1, job.attempts), random, verdict.after_s),
        });
      return given({ ...counted, ...ended("dead"), error: exhausted(verdict.problem) });
    }
    case "lost":
      return lose(run);
    case "fail":
      // X's no to a look says nothing of the job.
      if (unclear) return given({ ...uncounted, ...PARKED });
      // What was sent a second time is there already, so the first may be: it is looked for again.
      if (job.losses > 0 && verdict.problem.code === "x_duplicate") return lose(run);
      return (
        takenBack(run, kind.undo?.(verdict.problem) ?? null) ??
        given({
          ...counted,
          ...ended("failed"),
          checkpoint: asJson(verdict.checkpoint) ?? job.checkpoint,
        })
      );
    case "bury":
      return given(unclear ? { ...counted, ...PARKED } : { ...counted, ...ended("dead") });
  }
}

/** What holds the job up closes a gate, and the job waits behind it. */
function waiting(
  { job, kind, now, given, uncounted, open }: Run,
  { until, gate, reason }: Waiting,
): Settlement {
  const opens_in_ms = until === null ? null : Math.max(0, until - now);
  const wait_ms = kind.gates.includes(gateName(gate)) ? null : (opens_in_ms ?? ELSEWHERE_MS);
  // Once the token has moved, what was wrong with it says nothing any more.
  const token_version = OF_THE_TOKEN.includes(reason) ? job.token_version : null;
  return {
    ending: given({ ...uncounted, ...open, wait_ms }),
    closings: [{ ...closing(job, gate, reason, opens_in_ms, null), token_version }],
  };
}

type Waiting = Extract<Outcome, { type: "wait" }>;

/** Where a job that ends goes on to take back what it did, if there is anything. */
const takenBack = ({ job, now, given, open }: Run, checkpoint: unknown): Ending | null =>
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

const asJson = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
