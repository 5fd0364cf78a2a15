import type { Posted } from "./books.ts";

/** A tweet that should stand in the books, and whose it is. */
export type Expected = { user_id: string; text: string; deleted: boolean };

/**
 * Compare what should have been posted, in the order it was handed over, with X's books: every tweet once, of the right user,
 * in the order of its account, deleted or not, and nothing else. Returns a sentence for each thing that is wrong.
 */
export function flawsOf(expected: readonly Expected[], books: readonly Posted[]): string[] {
  const flaws: string[] = [];
  const counts = Map.groupBy(books, keyOf);
  for (const one of expected) {
    const found = counts.get(keyOf(one)) ?? [];
    counts.delete(keyOf(one));
    if (found.length !== 1) flaws.push(`posted ${found.length} times for ${one.user_id}: ${one.text}`);
    else if (found[0]?.deleted !== one.deleted)
      flaws.push(`${one.deleted ? "not deleted" : "deleted"}: ${one.text}`);
  }
  for (const [{ user_id, text } = { user_id: "", text: "" }] of counts.values())
    flaws.push(`never asked for, by ${user_id}: ${text}`);
  for (const [user_id, own] of Map.groupBy(expected, (one) => one.user_id)) {
    const order = books.filter((one) => one.user_id === user_id).map(({ text }) => text);
    if (order.join("\n") !== own.map(({ text }) => text).join("\n")) flaws.push(`out of order: ${user_id}`);
  }
  return flaws;
}

const keyOf = ({ user_id, text }: { user_id: string; text: string }): string => `${user_id} ${text}`;
