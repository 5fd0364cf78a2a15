import { hideRuns } from "./hide.ts";

/**
 * One structured line an event, named `noun.verb`. Fields are plain facts; there is no way to log an object whole,
 * so that no token or secret slips out with it.
 */
export type LogFields = Record<string, string | number | boolean | null | undefined>;

export type Log = (event: `${string}.${string}`, fields?: LogFields) => void;

/** Writes to the console, which Workers Logs keeps. */
export const consoleLog: Log = (event, fields = {}) => {
  console.log(JSON.stringify({ event, ...fields }));
};

/** Says nothing: for tests and benches. */
export const silentLog: Log = () => undefined;

/**
 * The first line of what was thrown, bounded. Never the stack, which may quote arguments; and without what looks like a secret,
 * for a database or a binding may quote what it was given.
 */
export function reasonOf(thrown: unknown): string {
  const words = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : typeof thrown;
  return hideRuns(words.split("\n")[0] ?? "").slice(0, 300);
}
