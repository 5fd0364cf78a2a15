import { percentile } from "../scripts/table.ts";

/** A job as it stands at the end of a run. Times in epoch ms. */
export type Fate = {
  text: string;
  state: string;
  /** It will not change any more by itself. */
  is_at_rest: boolean;
  tweet_id: string | null;
  finished_at: number | null;
  /** When it first became unclear whether X acted, or null. */
  unclear_at: number | null;
};

/** A tweet in X's books. */
export type Entry = { id: string; user_id: string; text: string };

export type Verdict = ReturnType<typeof verdictOf>;

/** Compare what was taken with what X has, in the order of posting. `number` is a tweet's place among those of its account. */
export function verdictOf(
  fates: readonly Fate[],
  books: readonly Entry[],
  number: (text: string) => number,
  isHidden: (text: string) => boolean,
) {
  const times = new Map<string, number>();
  for (const { text } of books) times.set(text, (times.get(text) ?? 0) + 1);
  const ids = new Map(books.map(({ id, text }) => [id, text]));
  const unknown = fates.filter(({ state }) => state === "unknown");
  return {
    accepted: fates.length,
    posted: books.length,
    duplicates: [...times.values()].filter((found) => found > 1).length,
    /** Succeeded and not in X's books under its id; or given up, though X refused none of them. */
    lost: fates.filter((fate) =>
      fate.state === "succeeded"
        ? ids.get(fate.tweet_id ?? "") !== fate.text
        : fate.is_at_rest && fate.state !== "unknown",
    ).length,
    stuck: fates.filter(({ is_at_rest }) => !is_at_rest).length,
    out_of_order: outOfOrder(books, number),
    unknown: unknown.filter(({ text }) => !isHidden(text)).length,
    unknown_hidden: unknown.filter(({ text }) => isHidden(text)).length,
  };
}

/** Tweets that stand behind one that was to come after them. */
function outOfOrder(books: readonly Entry[], number: (text: string) => number): number {
  const last = new Map<string, number>();
  let wrong = 0;
  for (const { user_id, text } of books) {
    if (number(text) < (last.get(user_id) ?? -1)) wrong++;
    last.set(user_id, number(text));
  }
  return wrong;
}

/** How long it took from what made a job unclear to the truth, in ms; of those for whose beginning `counts` says so. */
export const waitsOf = (fates: readonly Fate[], counts: (at: number) => boolean = () => true): number[] =>
  fates.flatMap(({ unclear_at, finished_at }) =>
    unclear_at !== null && finished_at !== null && counts(unclear_at) ? [finished_at - unclear_at] : [],
  );

/** p50, p95, the longest and the number of some times, for people. */
export function spread(times: readonly number[]): string {
  const [half, most, all] = [0.5, 0.95, 1].map((share) => `${Math.round(percentile(times, share) / 1000)} s`);
  return times.length === 0 ? "none" : `${half}, ${most}, at most ${all}, of ${times.length}`;
}

/** The lines that both benches print first. */
export const verdictLines = (verdict: Verdict): [string, number][] => [
  ["accepted", verdict.accepted],
  ["posted, in X's books", verdict.posted],
  ["duplicates, in X's books", verdict.duplicates],
  ["lost", verdict.lost],
  ["not at rest", verdict.stuck],
  ["out of order within an account", verdict.out_of_order],
  ["unknown, of those hidden by X", verdict.unknown_hidden],
  ["unknown, others", verdict.unknown],
];
