/** One family of rate headers. `resets_at` is epoch ms on our clock. */
export type RateWindow = { limit: number; remaining: number; resets_at: number };

/**
 * What the headers of one answer say. `skew_ms` is X's clock minus ours, 0 when X named no time; `Date` has whole
 * seconds, so it may be up to a second too low.
 */
export type Rate = {
  /** This account's window of this endpoint. */
  window: RateWindow | null;
  /** The X app's 24 hours, shared by all its users. */
  app_day: RateWindow | null;
  /** This account's 24 hours. */
  user_day: RateWindow | null;
  skew_ms: number;
  retry_after_s: number | null;
};

/** X rounds its clock and its resets to seconds: one more is what makes the first call after a reset pass. */
const MARGIN_MS = 1000;

/** Read the rate headers of an answer that came at `nowMs`. A family that is missing or garbage is null. */
export function readRate(headers: Headers, nowMs: number): Rate {
  const xNow = httpDate(headers.get("date"));
  const family = (prefix: string) => readFamily(headers, prefix, nowMs, xNow);
  return {
    window: family("x-rate-limit"),
    app_day: family("x-app-limit-24hour"),
    user_day: family("x-user-limit-24hour"),
    skew_ms: xNow === null ? 0 : xNow - nowMs,
    retry_after_s: readRetryAfter(headers.get("retry-after"), xNow ?? nowMs),
  };
}

function readFamily(headers: Headers, prefix: string, nowMs: number, xNow: number | null): RateWindow | null {
  const limit = count(headers.get(`${prefix}-limit`));
  const remaining = count(headers.get(`${prefix}-remaining`));
  const reset = count(headers.get(`${prefix}-reset`));
  if (limit === null || remaining === null || reset === null) return null;
  return { limit, remaining, resets_at: onOurClock(reset * 1000, nowMs, xNow) };
}

/**
 * The two clocks may differ by minutes, so what counts is how far the reset is from X's own `Date`. A reset that X's clock
 * has passed stays in the past: it says nothing of when to come back.
 */
function onOurClock(resetMs: number, nowMs: number, xNow: number | null): number {
  if (xNow === null) return resetMs;
  const left_ms = resetMs - xNow;
  return nowMs + left_ms + (left_ms >= 0 ? MARGIN_MS : 0);
}

/** Seconds, or an HTTP date (RFC 9110, section 10.2.3). X documents no `Retry-After`, but its edge may send one. */
function readRetryAfter(value: string | null, xNow: number): number | null {
  const seconds = count(value);
  if (seconds !== null) return seconds;
  const date = httpDate(value);
  return date === null ? null : Math.max(Math.ceil((date - xNow) / 1000), 0);
}

/** Odd huge limits (1080000) were seen and are obeyed; 11 digits keep a reset in seconds a valid date in ms. */
function count(value: string | null): number | null {
  return value !== null && /^\d{1,11}$/.test(value) ? Number(value) : null;
}

function httpDate(value: string | null): number | null {
  const time = value !== null && /[a-z]/i.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? null : time;
}
