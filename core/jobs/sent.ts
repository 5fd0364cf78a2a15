import { shard } from "#core/store/shard";
import { all } from "#core/store/sql";
import * as unclearJobs from "#core/store/unclear-jobs";
import { endpoints } from "#core/x/endpoints";
import type { Rate } from "#core/x/headers";
import type { Bill } from "./bill.ts";
import type { Sent } from "./define.ts";
import type { Consumer } from "./engine.ts";
import type { Claimed } from "./run.ts";

/** What is known of an earlier attempt that X may have acted on. */
export function sentOf(
  consumer: Pick<Consumer, "databases">,
  job: Claimed,
  readings: Map<string, Rate>,
  bill: Bill,
): Sent {
  const db = shard(consumer.databases, job.id);
  return {
    at: job.sent_at ?? job.created_at,
    newest_id: job.newest_before,
    x_user_id: job.x_user_id ?? "",
    skew_ms: () => [...readings.values()].at(-1)?.skew_ms ?? 0,
    found: (tweet) => {
      bill.charge(endpoints.createTweet, tweet, null);
    },
    taken: async (ids) => {
      if (db === null || ids.length === 0) return new Set();
      return new Set((await all<{ id: string }>(unclearJobs.taken(db, job, ids))).map(({ id }) => id));
    },
  };
}
