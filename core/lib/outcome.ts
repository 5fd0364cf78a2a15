import type { Problem } from "./problem.ts";

/**
 * Which gate a wait closes. `window` is the account's window of one endpoint at X, `account` and `app` are the job's own,
 * `oauth` is what X's token endpoint allows the app; their full names are made in `settle`, where the job is known.
 */
export type GateRef =
  { scope: "window"; endpoint: string } | { scope: "account" } | { scope: "app" } | { scope: "oauth" };

/** Why a gate is closed, as clients read it in `blocked_on`. */
export type GateReason =
  | "rate_limited"
  | "usage_capped"
  | "credits_depleted"
  | "refreshing"
  | "token_expired"
  | "token_rejected"
  | "token_unavailable"
  | "reconnect"
  | "locked"
  | "daily_limit"
  | "app_forbidden"
  | "app_refused";

/** What X calls a medium now, and until when (epoch ms). */
export type Bound = { media_id: string; x_media_id: string; x_expires_at: number };

/** What one run of a job came to. Failure is a value: any throw that is not a `Refusal` is a bug. `note` is kept in its log. */
export type Outcome = Came & { note?: Record<string, unknown> };

type Came =
  | { type: "done"; result: unknown; wakes?: readonly string[]; newest?: string; bound?: Bound }
  | { type: "await"; medium: string; ask: { after: string | null } | null; checkpoint?: unknown }
  | { type: "unseen"; reads: number; complete: boolean; repost: boolean }
  | ({ type: "again"; checkpoint: unknown; after_s: number } & Progress)
  | { type: "wait"; gate: GateRef; reason: GateReason; until: number | null; problem: Problem | null }
  | { type: "retry"; problem: Problem; after_s: number | null }
  | { type: "lost"; problem: Problem }
  | { type: "fail"; problem: Problem; checkpoint?: unknown };

/**
 * What progress means to a job of several steps. `result`: what its reader gets so far. `step`: what had to be done once is
 * done, and what comes next is another such thing: nothing is unclear of it, and its attempts are its own. `newest` is the id
 * of what X made.
 */
export type Progress = { result?: unknown; step?: boolean; newest?: string };

/**
 * It happened. `result` is what the job's reader gets; `wakes` are lanes that have something to do because of it; `newest` is
 * the id of what X made.
 */
export const done = (
  result: unknown,
  more: { wakes?: readonly string[]; newest?: string; bound?: Bound } = {},
): Outcome => ({ type: "done", result, ...more });

/**
 * Looked for and not found, at the cost of so many reads. A look that is not `complete` does not count. `repost`: whether it
 * may be done once more after enough looks, for it would surely have been seen.
 */
export const unseen = (look: { reads: number; complete: boolean; repost: boolean }): Outcome => ({
  type: "unseen",
  ...look,
});

/** Progress, not the end: go on from `checkpoint` after `after_s` seconds. Costs no attempt. */
export const again = (checkpoint: unknown, after_s: number, more: Progress = {}): Outcome => ({
  type: "again",
  checkpoint,
  after_s,
  ...more,
});

/**
 * Not our turn: X did not act, and will not before the gate opens. Costs no attempt.
 * `until` in epoch ms; null lets the gate back off by itself (30 s, doubling to 15 min).
 */
export const wait = (
  gate: GateRef,
  reason: GateReason,
  until: number | null = null,
  problem: Problem | null = null,
): Outcome => ({ type: "wait", gate, reason, until, problem });

/**
 * It needs a medium that X does not have yet: it gives up its place and gets another when that has ended. Costs no attempt.
 * `ask`: nobody sends it, the job `after` was the last that did.
 */
export const awaitMedium = (
  medium: string,
  ask: { after: string | null } | null,
  checkpoint?: unknown,
): Outcome => ({ type: "await", medium, ask, ...(checkpoint !== undefined && { checkpoint }) });

/** X did not act, trying again may help. Costs an attempt. */
export const retry = (problem: Problem, after_s: number | null = null): Outcome => ({
  type: "retry",
  problem,
  after_s,
});

/** X may or may not have acted, and doing it twice would hurt: look, never repeat. */
export const lost = (problem: Problem): Outcome => ({ type: "lost", problem });

/** X's no: trying again cannot help. `checkpoint`: where it goes on if it is tried again all the same. */
export const fail = (problem: Problem, checkpoint?: unknown): Outcome => ({
  type: "fail",
  problem,
  ...(checkpoint !== undefined && { checkpoint }),
});
