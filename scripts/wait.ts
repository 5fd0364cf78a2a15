/** Resolves after `ms` of real time. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const OFTEN_MS = 50;

/**
 * Ask until the answer is something, at most `ms` of real time, and give that answer. A probe that throws counts as "not
 * yet". Rejects with `what`, and with the probe's last error as its cause.
 */
export async function until<Value>(
  what: string,
  ms: number,
  probe: () => Promise<Value | null | undefined | false>,
  every_ms = OFTEN_MS,
): Promise<Value> {
  const end = Date.now() + ms;
  for (let cause: unknown; ;) {
    try {
      const value = await probe();
      if (value !== null && value !== undefined && value !== false) return value;
    } catch (error) {
      cause = error;
    }
    if (Date.now() >= end) throw new Error(`${what}: not within ${ms / 1000} s`, { cause });
    await pause(every_ms);
  }
}
