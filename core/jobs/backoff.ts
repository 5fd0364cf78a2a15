/** How often and how patiently a kind is tried: at most `attempts`, base doubling up to cap, in seconds. */
export type Backoff = { attempts: number; base_s: number; cap_s: number };

/**
 * Ms to wait after the `attempt`th try (from 1): anything between 0 and the doubled base, so that many jobs that failed
 * together do not come back together (full jitter). `atLeast_s` is what X asked for.
 */
export function backoffMs(
  backoff: Backoff,
  attempt: number,
  random: number,
  atLeast_s: number | null,
): number {
  const ceiling_s = Math.min(backoff.cap_s, backoff.base_s * 2 ** Math.min(attempt - 1, 30));
  const jittered_s = random * ceiling_s;
  return Math.ceil(1000 * (atLeast_s === null ? jittered_s : atLeast_s + jittered_s));
}
