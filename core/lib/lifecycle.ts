/**
 * The one lifecycle of all kinds, as a table. The SQL conditions of `core/store` and the refusals of the API are
 * derived from it. Whether a job may still change is said by its state and, for `unknown`, by `open`: a parked job
 * (unknown, not open) is moved by `resolve` alone.
 */
export const states = [
  "queued",
  "running",
  "waiting",
  "unknown",
  "succeeded",
  "failed",
  "dead",
  "canceled",
] as const;

export type State = (typeof states)[number];

type Step = { from: readonly State[]; to: readonly State[] };

export const steps = {
  claim: { from: ["queued", "waiting", "unknown"], to: ["running"] },
  done: { from: ["running"], to: ["succeeded"] },
  pause: { from: ["running"], to: ["waiting", "unknown", "canceled"] },
  lose: { from: ["running"], to: ["unknown"] },
  fail: { from: ["running"], to: ["failed"] },
  exhaust: { from: ["running"], to: ["dead", "unknown"] },
  rescue: { from: ["running"], to: ["waiting", "unknown", "dead", "canceled"] },
  resolve: { from: ["unknown"], to: ["succeeded", "queued"] },
  expire: { from: ["queued", "waiting"], to: ["failed"] },
  cancel: { from: ["queued", "waiting"], to: ["canceled"] },
  requestCancel: { from: ["running"], to: ["running"] },
  redrive: { from: ["failed", "dead"], to: ["queued", "unknown"] },
  renew: { from: ["failed", "dead", "canceled"], to: ["queued"] },
} as const satisfies Record<string, Step>;

export type StepName = keyof typeof steps;

export const finalStates = ["succeeded", "failed", "dead", "canceled"] as const satisfies readonly State[];

/** Whether a state is an end. */
export const isFinal = (state: State): boolean => (finalStates as readonly State[]).includes(state);

/** The states a step may start from, as an SQL list: `'queued','waiting'`. */
export const fromStates = (step: StepName): string => steps[step].from.map((state) => `'${state}'`).join(",");
