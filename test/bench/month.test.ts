import { describe, expect, test } from "vitest";
import { costAtX, costOf, tweetsOnFree, usageOf, type Counts, type Operations } from "../../bench/month.ts";
import { BASE_USD, FREE_A_DAY, PRICE_LIST, priceOf, type Operation } from "../../bench/price-list.ts";

const NOTHING: Operations = {
  requests: 0,
  queue_operations: 0,
  rows_written: 0,
  rows_read: 0,
  kv_reads: 0,
  kv_writes: 0,
  log_events: 0,
};
const NONE: Counts = {
  tweet_alone: NOTHING,
  tweet_in_batch: NOTHING,
  webhook_alone: NOTHING,
  webhook_in_batch: NOTHING,
  account_day: NOTHING,
  tick: NOTHING,
  job_bytes: 0,
};
const month = { tweets: 0, accounts: 0, how: "alone", webhooks: false } as const;

test("what is included costs nothing, and what is beyond it what the list says", () => {
  for (const name of Object.keys(PRICE_LIST) as Operation[]) {
    const { included, per, usd } = PRICE_LIST[name];
    expect(priceOf(name, included)).toBe(0);
    expect(priceOf(name, included + 3 * per)).toBeCloseTo(3 * usd);
  }
});

test("a month in which nothing happens costs the plan", () => {
  expect(costOf(NONE, month).total).toBe(BASE_USD);
});

describe("a month", () => {
  test("is made of its tweets, its webhooks, its accounts' days, and the clock", () => {
    const counts: Counts = {
      ...NONE,
      tweet_alone: { ...NOTHING, rows_written: 12 },
      tweet_in_batch: { ...NOTHING, rows_written: 6 },
      webhook_alone: { ...NOTHING, rows_written: 10 },
      webhook_in_batch: { ...NOTHING, rows_written: 3 },
      account_day: { ...NOTHING, rows_written: 100 },
      tick: { ...NOTHING, rows_written: 1 },
    };
    const written = (more: object) => usageOf(counts, { ...month, tweets: 1000, ...more }).usage.rows_written;
    const clock = 30 * 24 * 60;
    expect(written({})).toBe(12_000 + clock);
    expect(written({ webhooks: true })).toBe(22_000 + clock);
    expect(written({ how: "in_batch", webhooks: true })).toBe(9_000 + clock);
    expect(written({ accounts: 10 })).toBe(12_000 + 10 * 30 * 100 + clock);
  });

  test("costs the sum of what each operation costs, and the plan", () => {
    const counts = { ...NONE, tweet_alone: { ...NOTHING, rows_written: 10, queue_operations: 3 } };
    const { costs, total } = costOf(counts, { ...month, tweets: 100_000_000 });
    expect(costs.rows_written).toBeCloseTo((1_000_000_000 - 50_000_000) / 1_000_000);
    expect(costs.queue_operations).toBeCloseTo((300 - 1) * 0.4);
    // 100 million tweets take 4 ms each.
    expect(costs.cpu_ms).toBeCloseTo((400 - 30) * 0.02);
    expect(total).toBeCloseTo(BASE_USD + costs.rows_written + costs.queue_operations + costs.cpu_ms);
  });

  test("needs databases for its bytes, and for its writes in the busiest hours", () => {
    const of = (counts: Partial<Counts>) =>
      usageOf({ ...NONE, ...counts }, { ...month, tweets: 100_000_000 }).databases;
    expect(of({})).toBe(1);
    // 100 GB, at 8 GB each.
    expect(of({ job_bytes: 1000 })).toBe(13);
    // 386 writes a second, three times that at the peak, at 200 each.
    expect(of({ tweet_alone: { ...NOTHING, rows_written: 10 } })).toBe(6);
  });

  test("costs at X what a tweet costs there", () => {
    expect(costAtX({ ...month, tweets: 1_000_000 })).toBe(15_000);
  });
});

describe("the Free plan holds", () => {
  const tick = { ...NOTHING, requests: 1 };

  test("what its shortest limit does", () => {
    const tweet_alone = { ...NOTHING, requests: 2, queue_operations: 3 };
    expect(tweetsOnFree({ ...NONE, tick, tweet_alone }, 0)).toBe(Math.floor(FREE_A_DAY.queue_operations / 3));
  });

  test("less beside the accounts, and nothing beside too many", () => {
    const counts = {
      ...NONE,
      tweet_alone: { ...NOTHING, queue_operations: 3 },
      account_day: { ...NOTHING, queue_operations: 40, kv_writes: 14 },
    };
    expect(tweetsOnFree(counts, 10)).toBe(Math.floor((FREE_A_DAY.queue_operations - 400) / 3));
    expect(tweetsOnFree(counts, 72)).toBe(0);
  });
});
