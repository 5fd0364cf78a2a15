import type { Ending } from "#core/store/job-steps";
import { appended, problemOf } from "./attempt-log.ts";
import { whole } from "./closing.ts";
import type { KindFacts, Settling, Verdict } from "./settle.ts";

/** What every ending of a run is made of. */
export type Run = {
  job: Settling;
  kind: KindFacts;
  now: number;
  /** 0..1 */
  random: number;
  /** X may have acted on an earlier run: this one was a look. */
  unclear: boolean;
  /** The job goes on, as unclear as it was. */
  open: Pick<Ending, "state" | "open" | "final" | "maybe_sent">;
  /** The attempts of a job whose run was one, or was none. */
  counted: Pick<Ending, "attempts">;
  uncounted: Pick<Ending, "attempts">;
  /** The ending that says this, and leaves the rest of the row as it was. */
  given: (said: Said) => Ending;
};

type Kept =
  "client_id" | "id" | "lease" | "result" | "checkpoint" | "crashes" | "expires_at" | "looks" | "losses";
type Said = Omit<Ending, Kept | "cost" | "estimate" | "awaits" | "log" | "error"> & Partial<Ending>;

/** A run of a job that came to `verdict`. */
export function runOf(
  job: Settling,
  verdict: Verdict,
  { kind, now, random }: Pick<Run, "kind" | "now" | "random">,
): Run {
  const unclear = job.maybe_sent === 2;
  return {
    job,
    kind,
    now,
    random,
    unclear,
    open: { state: unclear ? "unknown" : "waiting", open: 1, final: 0, maybe_sent: unclear ? 2 : 0 },
    counted: { attempts: job.attempts },
    uncounted: { attempts: Math.max(0, job.attempts - 1) },
    given: (said) => ({
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
      log: appended(job.log, verdict, unclear, now),
      error: problemOf(verdict),
      ...said,
      wait_ms: whole(said.wait_ms),
    }),
  };
}

/** Nobody goes on with it until a person says what became of it. */
export const PARKED = { state: "unknown", open: null, final: 0, maybe_sent: 2, wait_ms: null } as const;

/** X surely has not acted; and nothing was tried yet of what comes next. */
export const UNSENT = { state: "waiting", maybe_sent: 0, looks: 0 } as const;
export const AFRESH = { ...UNSENT, attempts: 0, crashes: 0, losses: 0 } as const;

/** It is over. */
export const ended = (state: "succeeded" | "failed" | "dead") =>
  ({ state, open: null, final: 1, maybe_sent: 0, wait_ms: null }) as const;
