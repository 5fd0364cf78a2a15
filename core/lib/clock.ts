/**
 * Time as it is passed in. `now` is this Worker's clock; `stored` is what store functions take as their `now`: null lets D1
 * use its own clock, so that Workers whose clocks differ agree on what is due, and a test passes its virtual time.
 */
export type Clock = {
  /** Epoch ms. */
  now(): number;
  /** Epoch ms for SQL, or null for D1's own clock. */
  stored(): number | null;
  /** Resolves after `ms`. */
  sleep(ms: number): Promise<void>;
};

/** The real time. `scale` > 1 makes time pass faster, for a simulator and a stack that share it; 1 leaves it alone. */
export function systemClock(scale = 1): Clock {
  if (scale === 1) return { now: () => Date.now(), stored: () => null, sleep: (ms) => scheduler.wait(ms) };
  const now = () => SCALE_EPOCH_MS + Math.round((Date.now() - SCALE_EPOCH_MS) * scale);
  return { now, stored: now, sleep: (ms) => scheduler.wait(ms / scale) };
}

/** Scaled time starts here, so that everybody with the same scale reads the same clock. */
const SCALE_EPOCH_MS = Date.UTC(2026, 0, 1);

/** The promise, or a rejection when it has not settled after `ms` of real time. It goes on by itself all the same. */
export const within = <Value>(promise: Promise<Value>, ms: number): Promise<Value> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`no answer within ${ms} ms`));
    }, ms);
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
    });
  });

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Epoch ms as RFC 3339 in UTC, or null. */
export const rfc3339 = (ms: number | null): string | null =>
  ms === null ? null : new Date(ms).toISOString();

/** A time that never comes, in epoch ms: for what opens only when somebody acts. */
export const NEVER = 9_000_000_000_000_000;
