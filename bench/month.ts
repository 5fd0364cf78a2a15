import { readPrices } from "#core/x/prices";
import { BASE_USD, FREE_A_DAY, priceOf, type Operation } from "./price-list.ts";

/** What is counted of each thing that is done. */
export type Operations = Record<Exclude<Operation, "cpu_ms" | "d1_gb">, number>;

/** What was counted, for each tweet, delivered event, account and day, and tick of the clock. */
export type Counts = {
  tweet_alone: Operations;
  tweet_in_batch: Operations;
  webhook_alone: Operations;
  webhook_in_batch: Operations;
  account_day: Operations;
  tick: Operations;
  /** What a finished job takes in its database. */
  job_bytes: number;
};

/** A month of an installation. */
export type Month = { tweets: number; accounts: number; how: "alone" | "in_batch"; webhooks: boolean };

/** Assumed, not counted: the local runtime does not say what Cloudflare will bill. */
export const CPU_MS = { request: 3, tweet: 4 };

const DAYS = 30;
const TICKS = DAYS * 24 * 60;
const SECONDS = DAYS * 24 * 60 * 60;

/** Jobs are kept for 30 days after their end. */
const KEPT_MONTHS = 1;

/** A database is given no more than this, of its 10 GB and of the 100 to 300 writes a second that it does. */
const GB_A_DATABASE = 8;
const WRITES_A_DATABASE = 200;
/** The busiest hours have so much more than their share. */
const PEAK = 3;

/** What a month comes to: how much of each operation, and how many databases it needs. */
export function usageOf(counts: Counts, { tweets, accounts, how, webhooks }: Month) {
  const usage = {} as Record<Operation, number>;
  for (const name of Object.keys(counts.tick) as (keyof Operations)[])
    usage[name] =
      counts[`tweet_${how}`][name] * tweets +
      (webhooks ? counts[`webhook_${how}`][name] * tweets : 0) +
      counts.account_day[name] * accounts * DAYS +
      counts.tick[name] * TICKS;
  usage.cpu_ms = usage.requests * CPU_MS.request + tweets * CPU_MS.tweet;
  usage.d1_gb = (tweets * KEPT_MONTHS * counts.job_bytes) / 1e9;
  const writes_a_second = usage.rows_written / SECONDS;
  const databases = Math.ceil(
    Math.max(1, usage.d1_gb / GB_A_DATABASE, (writes_a_second * PEAK) / WRITES_A_DATABASE),
  );
  return { usage, writes_a_second, databases };
}

/** What Cloudflare charges for it, in USD: by operation, and altogether. */
export function costOf(counts: Counts, month: Month) {
  const { usage, ...more } = usageOf(counts, month);
  const costs = Object.entries(usage).map(
    ([name, count]) => [name, priceOf(name as Operation, count)] as const,
  );
  const total = BASE_USD + costs.reduce((sum, [, usd]) => sum + usd, 0);
  return { ...more, usage, costs: Object.fromEntries(costs) as Record<Operation, number>, total };
}

/** What X charges for the tweets themselves, in USD, by its price list. */
export const costAtX = ({ tweets }: Month): number => (tweets * readPrices(undefined, "").tweet) / 1e6;

/** How many tweets a day, each alone, the Free plan's daily limits hold beside so many accounts. */
export function tweetsOnFree({ tweet_alone, account_day, tick }: Counts, accounts: number): number {
  const limits = Object.entries(FREE_A_DAY) as [keyof typeof FREE_A_DAY, number][];
  const left = limits.map(([name, limit]) => {
    const others = account_day[name] * accounts + tick[name] * (TICKS / DAYS);
    return tweet_alone[name] === 0 ? (others > limit ? 0 : Infinity) : (limit - others) / tweet_alone[name];
  });
  return Math.max(0, Math.floor(Math.min(...left)));
}
