import { MINUTE_MS } from "#core/lib/clock";

const SOONEST_MS = 30 * MINUTE_MS;
const SPREAD_MS = 10 * MINUTE_MS;
/** Of its life, for tokens that live shorter than X's two hours. */
const LAST_PART = 0.25;

/**
 * When to refresh a token: 20 to 30 minutes before it expires, spread by `random` (0..1), so that accounts which were
 * connected together are not refreshed together. Times in epoch ms.
 */
export const refreshAt = (issued_at: number, expires_at: number, random: number): number =>
  Math.floor(expires_at - Math.min(SOONEST_MS - SPREAD_MS * random, (expires_at - issued_at) * LAST_PART));
