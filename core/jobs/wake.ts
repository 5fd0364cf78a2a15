import { z } from "zod";
import { within } from "#core/lib/clock";
import { reasonOf, type Log } from "#core/lib/log";
import type { QueueName } from "./define.ts";
import type { Kinds } from "./registry.ts";

const wakeUp = z.strictObject({ lane: z.string().min(1).max(200) });

/** The whole body of a queue message: a lane has something to do. What, stands in D1. */
export type WakeUp = z.output<typeof wakeUp>;

/** The lane a message names, or null when it is no wake-up. */
export const laneIn = (body: unknown): string | null => wakeUp.safeParse(body).data?.lane ?? null;

/** A wake-up to send: `wait_ms` from now, or at once. */
export type Wake = { lane: string; wait_ms: number };

export type Queues = Record<QueueName, Queue<WakeUp>>;

/** `sendBatch` takes 100 messages. */
const BATCH = 100;

/**
 * Send wake-ups. One that does not get through is only logged: the clock finds the lane within a minute. A queue can hang
 * for most of a minute, so sending is given up after `limit_ms`.
 */
export async function wake(
  { queues, kinds, log }: { queues: Queues; kinds: Kinds; log: Log },
  wakes: Wake[],
  limit_ms: number,
): Promise<void> {
  const byQueue = Map.groupBy(wakes, ({ lane }) => kinds.queueOfLane(lane));
  for (const [queue, some] of byQueue) {
    if (queue === null) continue;
    for (let i = 0; i < some.length; i += BATCH) {
      const messages = some.slice(i, i + BATCH).map(({ lane, wait_ms }) => ({
        body: { lane },
        delaySeconds: Math.max(0, Math.ceil(wait_ms / 1000)),
      }));
      try {
        await within(queues[queue].sendBatch(messages), limit_ms);
      } catch (error) {
        log("wake.failed", { queue, count: messages.length, reason: reasonOf(error) });
      }
    }
  }
}
