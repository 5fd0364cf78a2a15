import type { Outcome } from "#core/lib/outcome";

/**
 * X did not do what was asked. It carries the outcome that `classify` chose, flies through a kind's `run`
 * and is caught in one place. Thrown only by `client.ts`, caught only by `consume`.
 */
export class Refusal extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super(`refused: ${outcome.type}`);
    this.name = "Refusal";
    this.outcome = outcome;
  }
}
