/**
 * How often and how patiently a kind is tried: at most `attempts`, base doubling up to cap, in seconds; or by a timetable,
 * `delays_s`, of the pauses after each attempt.
 */
export type Backoff = { attempts: number; base_s: number; cap_s: number; delays_s?: readonly number[] };

/** A timetable is kept to within a fifth. */
const SPREAD = 0.2;

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
  const delay_s = backoff.delays_s?.[attempt - 1];
  if (delay_s !== undefined) {
    const spread_s = delay_s * (1 - SPREAD + 2 * SPREAD * random);
    return Math.ceil(1000 * Math.max(spread_s, atLeast_s ?? 0));
  }
  const ceiling_s = Math.min(backoff.cap_s, backoff.base_s * 2 ** Math.min(attempt - 1, 30));
  const jittered_s = random * ceiling_s;
  return Math.ceil(1000 * (atLeast_s === null ? jittered_s : atLeast_s + jittered_s));
}
