import { until } from "./wait.ts";

/** Rows that D1 billed, as the Workers' own log lines say: `job.accepted` and `turn.ended` carry `rows_written`. */
export type Tally = {
  /** Hear a line that the Workers wrote. */
  hear: (line: string) => void;
  /** The sum of what was heard, once no line has come for `QUIET_MS`. */
  rowsWritten: () => Promise<number>;
};

const QUIET_MS = 300;
const PATIENCE_MS = 5_000;

export function createTally(now: () => number = Date.now): Tally {
  let rows = 0;
  let heard_at = now();
  return {
    hear(line) {
      const written = /"rows_written":(\d+)/.exec(line)?.[1];
      if (written === undefined) return;
      rows += Number(written);
      heard_at = now();
    },
    async rowsWritten() {
      heard_at = now();
      await until("silence", PATIENCE_MS, async () => now() - heard_at >= QUIET_MS);
      return rows;
    },
  };
}
