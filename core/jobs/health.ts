import type { Hearing } from "#core/store/breaker";
import { BREAKS_AT } from "#core/store/sql";
import { partGate, type Part } from "./define.ts";

/** Different events that a receiver fails to take in a row, before its gate closes. */
const RECEIVER_FAILS_AT = 5;

/** What one run hears of parts of X, next to what was known of them when its job was claimed. */
export type Health = {
  /** X answered, or did not: no answer in time, a broken connection, a 5xx. */
  hear(part: Part, well: boolean): void;
  /** X carried something out: it takes the X app again. */
  hearApp(): void;
  /** A receiver of webhooks, behind a gate of its own, took what was sent to it, or did not. `first`: the first try of it. */
  hearReceiver(gate: string, well: boolean, first: boolean): void;
  /** What is to be counted. An answer says nothing new of a part that has no faults: while X is well nothing is written. */
  hearings(job: { client_id: string; id: string; lease: string }): Hearing[];
  /** When a part that the job needs last shut for a fault (epoch ms), or null. */
  shutAt(): number | null;
};

/** `parts`: JSON, by gate `[faults, shut_at]`. */
export function createHealth(parts: string | null): Health {
  const known = JSON.parse(parts ?? "{}") as Record<string, [faults: number, shut_at: number | null]>;
  const heard = new Map<string, number>();
  return {
    hear: (part, well) => {
      const gate = partGate(part);
      heard.set(gate, (heard.get(gate) ?? 0) + (well ? -1 : 1));
    },
    hearApp: () => {
      for (const gate of Object.keys(known)) if (gate.startsWith("app:")) heard.set(gate, -1);
    },
    hearReceiver: (gate, well, first) => {
      // Five that fail in a row break it, and whatever gets through mends it. What failed before says nothing new, but as probe.
      const isBroken = (known[gate]?.[0] ?? 0) >= BREAKS_AT;
      const weight = well ? -BREAKS_AT : first || isBroken ? BREAKS_AT / RECEIVER_FAILS_AT : 0;
      heard.set(gate, (heard.get(gate) ?? 0) + weight);
    },
    hearings: ({ client_id, id, lease }) =>
      [...heard]
        .filter(([gate, faults]) => faults > 0 || (faults < 0 && (known[gate]?.[0] ?? 0) > 0))
        .map(([name, faults]) => ({ name, faults, client_id, job_id: id, lease })),
    shutAt: () => Object.values(known).reduce<number | null>((last, [, at]) => later(last, at), null),
  };
}

const later = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.max(a, b);
