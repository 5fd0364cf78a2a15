/** What Cloudflare charges for one kind of operation, beyond what the month includes. */
export type Price = {
  /** How many are included in a month of Workers Paid. */
  included: number;
  /** USD for so many more. */
  usd: number;
  per: number;
  /** Cloudflare's page. */
  source: string;
};

const MILLION = 1_000_000;
const docs = "https://developers.cloudflare.com";

/** Workers Paid, USD a month, whatever is used. */
export const BASE_USD = 5;

/** When the pages said so. */
export const PRICES_AS_OF = "November 2026";

/** The price list. Workers Paid; the Free plan charges nothing and stops at its limits. */
export const PRICE_LIST = {
  requests: {
    ...{ included: 10 * MILLION, usd: 0.3, per: MILLION },
    source: `${docs}/workers/platform/pricing/`,
  },
  cpu_ms: {
    ...{ included: 30 * MILLION, usd: 0.02, per: MILLION },
    source: `${docs}/workers/platform/pricing/`,
  },
  queue_operations: {
    ...{ included: MILLION, usd: 0.4, per: MILLION },
    source: `${docs}/queues/platform/pricing/`,
  },
  rows_written: {
    ...{ included: 50 * MILLION, usd: 1, per: MILLION },
    source: `${docs}/d1/platform/pricing/`,
  },
  rows_read: {
    ...{ included: 25_000 * MILLION, usd: 0.001, per: MILLION },
    source: `${docs}/d1/platform/pricing/`,
  },
  d1_gb: { ...{ included: 5, usd: 0.75, per: 1 }, source: `${docs}/d1/platform/pricing/` },
  kv_reads: { ...{ included: 10 * MILLION, usd: 0.5, per: MILLION }, source: `${docs}/kv/platform/pricing/` },
  kv_writes: { ...{ included: MILLION, usd: 5, per: MILLION }, source: `${docs}/kv/platform/pricing/` },
  log_events: {
    ...{ included: 20 * MILLION, usd: 0.6, per: MILLION },
    source: `${docs}/workers/observability/logs/workers-logs/`,
  },
} as const satisfies Record<string, Price>;

export type Operation = keyof typeof PRICE_LIST;

/** What so many of an operation cost in a month. */
export function priceOf(operation: Operation, count: number): number {
  const { included, usd, per } = PRICE_LIST[operation];
  return (Math.max(0, count - included) * usd) / per;
}

/** What the Free plan allows in a day. */
export const FREE_A_DAY = {
  requests: 100_000,
  queue_operations: 10_000,
  rows_written: 100_000,
  rows_read: 5 * MILLION,
  kv_writes: 1_000,
} as const;
