import { Cron } from "croner";

/** When something recurs: a cron expression of five parts, or a nickname such as `@daily`, by the clocks of a time zone. */
export type Recurrence = { cron: string; time_zone: string };

/**
 * When it comes next after a moment, or null: never. Where clocks go forward, a time that is skipped comes at the first moment
 * after it; where they go back, a time of day comes once, and what comes every hour or more often comes in both hours.
 * Throws, with a sentence, when there is no such expression.
 */
export const nextTime = (of: Recurrence, after: number): number | null =>
  readCron(of).nextRun(new Date(after))?.getTime() ?? null;

/** The next times after a moment, at most so many. */
export const nextTimes = (of: Recurrence, after: number, count: number): number[] =>
  readCron(of)
    .nextRuns(count, new Date(after))
    .map((time) => time.getTime());

/** What is wrong with an expression, in words, or null. */
export function cronFlaw(cron: string): string | null {
  try {
    readCron({ cron, time_zone: "UTC" });
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : "No cron expression";
  }
}

const readCron = ({ cron, time_zone }: Recurrence): Cron =>
  new Cron(cron, { timezone: time_zone, mode: "5-part", paused: true });
