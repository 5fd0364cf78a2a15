import { Refused } from "./api.ts";

/** What POST /v1/token-keys/reseal answers. */
export type Step = {
  key: string;
  examined: number;
  resealed: number;
  moved: number;
  unreadable: string[];
  next_cursor: string | null;
};

/** All steps together. `key` is the id of the key that everything is sealed with now. */
export type Totals = Omit<Step, "next_cursor">;

/** How to ask for a step, wait and tell. */
export type Resealing = {
  step: (cursor: string | null) => Promise<Step>;
  pause: (ms: number) => Promise<unknown>;
  say: (text: string) => void;
};

const TRIES = 6;
const SHORTEST_PAUSE_MS = 500;
/** Told about every so many rows. */
const TOLD_EVERY = 1_000;

/** Go through everything once. What was done stays done, whatever comes after. */
export async function resealAll(resealing: Resealing): Promise<Totals> {
  const totals: Totals = { key: "", examined: 0, resealed: 0, moved: 0, unreadable: [] };
  let told = 0;
  for (let cursor: string | null = null; ;) {
    const step = await patiently(resealing, cursor);
    totals.key = step.key;
    totals.examined += step.examined;
    totals.resealed += step.resealed;
    totals.moved += step.moved;
    totals.unreadable.push(...step.unreadable);
    if (totals.examined >= told + TOLD_EVERY) {
      told = totals.examined;
      resealing.say(`${totals.examined} looked at, ${totals.resealed} sealed anew …`);
    }
    cursor = step.next_cursor;
    if (cursor === null) return totals;
  }
}

/** Whether a round over everything found all of it sealed with the newest key. */
export const nothingLeft = ({ resealed, moved, unreadable }: Totals): boolean =>
  resealed + moved + unreadable.length === 0;

/** A step may be asked for again: one that was done already changes nothing. */
async function patiently({ step, pause }: Resealing, cursor: string | null): Promise<Step> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await step(cursor);
    } catch (error) {
      if (attempt === TRIES || isFinal(error)) throw error;
      await pause(SHORTEST_PAUSE_MS * 2 ** (attempt - 1));
    }
  }
}

const isFinal = (error: unknown): boolean =>
  error instanceof Refused &&
  ((error.status < 500 && error.status !== 429) || codeOf(error.body) === "misconfigured");

const codeOf = (body: unknown): unknown =>
  typeof body === "object" && body !== null && "code" in body ? body.code : null;
