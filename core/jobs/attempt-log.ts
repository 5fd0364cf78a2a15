import { Problem } from "#core/lib/problem";
import { LOG_FIRST, LOG_LAST } from "#core/store/sql";
import type { Verdict } from "./settle.ts";

/** One line of a job's log. Its like in a row are one: from `at` to `last_at`, so many `times`. */
type Entry = {
  at: number;
  last_at?: number;
  times?: number;
  outcome: string;
  reason?: string;
  reads?: number;
  complete?: boolean;
  status?: number | null;
  code?: string;
  detail?: string | null;
};

/**
 * A job's log (JSON) with one entry more. What costs no attempt may come thousands of times, so its like in a row are one
 * entry; everything else is kept line by line, of a very long log the beginning and the end.
 */
export function appended(log: string, verdict: Verdict, unclear: boolean, now: number): string {
  const entries = JSON.parse(log) as Entry[];
  const entry = entryOf(verdict, now);
  const last = entries.at(-1);
  if (last && costsNothing(verdict, unclear) && isLike(last, entry)) entries.splice(-1, 1, both(last, entry));
  else entries.push(entry);
  if (entries.length > LOG_FIRST + LOG_LAST) entries.splice(LOG_FIRST, entries.length - LOG_FIRST - LOG_LAST);
  return JSON.stringify(entries);
}

function entryOf(verdict: Verdict, now: number): Entry {
  const problem = "problem" in verdict ? verdict.problem : null;
  return {
    at: now,
    outcome: verdict.type,
    ...(verdict.type === "wait" && { reason: verdict.reason }),
    ...(verdict.type === "unseen" && { reads: verdict.reads, complete: verdict.complete }),
    ...(problem && {
      status: problem.extra.upstream?.status ?? null,
      code: problem.code,
      detail: problem.extra.detail ?? null,
    }),
    ...("note" in verdict && verdict.note),
  };
}

/** Neither an attempt nor a look that counts. A job that is looked for spends no attempt on a look that fails. */
const costsNothing = (verdict: Verdict, unclear: boolean): boolean =>
  verdict.type === "wait" ||
  verdict.type === "again" ||
  (unclear && (verdict.type === "retry" || (verdict.type === "unseen" && !verdict.complete)));

const isLike = (a: Entry, b: Entry): boolean =>
  a.outcome === b.outcome &&
  a.reason === b.reason &&
  a.complete === b.complete &&
  a.status === b.status &&
  a.code === b.code;

const both = (first: Entry, next: Entry): Entry => ({
  ...first,
  ...next,
  at: first.at,
  last_at: next.at,
  times: (first.times ?? 1) + 1,
  ...(next.reads !== undefined && { reads: (first.reads ?? 0) + next.reads }),
});

/** Why an attempt did not end its job well (JSON), if it did not. */
export function problemOf(verdict: Verdict): string | null {
  const problem = "problem" in verdict ? verdict.problem : null;
  return problem === null ? null : JSON.stringify(problem);
}

/** Why a job whose attempts are used up is given up (JSON): its last problem. */
export function exhausted(last: Problem): string {
  const { upstream } = last.extra;
  const detail = `Every attempt failed; the last one: ${last.extra.detail ?? last.code}`;
  return JSON.stringify(new Problem("attempts_exhausted", upstream ? { detail, upstream } : { detail }));
}
