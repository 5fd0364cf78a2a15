import { newId, shardOf } from "#core/lib/ids";
import { reasonOf } from "#core/lib/log";
import { shard } from "#core/store/shard";
import { untouched } from "#core/store/lanes";
import { createCommitter } from "./committer.ts";
import type { Engine } from "./engine.ts";
import { TWEETS_TURN } from "./limits.ts";
import { tell } from "./tell.ts";
import { laneIn, wake, type Wake } from "./wake.ts";

const WAKE_LIMIT_MS = 10_000;
/** The queue just gave up on this lane: whatever is wrong gets a moment to pass. */
const PAUSE_MS = 30_000;
const RETRY_DELAY_S = 60;

/**
 * Settle what a queue itself gave up on. The message names a lane, not a job: what an expired lease left there is moved
 * on, the lane is given back, and it is woken again a little later. Running jobs of a live lease are left alone.
 */
export async function rescueLane(engine: Engine, lane: string): Promise<void> {
  const db = shard(engine.databases, lane);
  if (db === null) return;
  const telling: Promise<void>[] = [];
  const committer = createCommitter({
    db,
    callers: () => 0,
    lease: newId("lse", shardOf(lane), engine.clock.now()),
    lease_ms: TWEETS_TURN.lease_ms,
    app_windows: {},
    unrepeatable: engine.kinds.unrepeatable,
    reconcilable: engine.kinds.reconcilable,
    now: () => engine.clock.stored(),
    sleep: (ms) => engine.clock.sleep(ms),
    random: engine.random,
    log: engine.log,
    tell: (due) => telling.push(tell(engine, due)),
  });
  await committer.lease([lane]);
  const state = await committer.handBack(untouched(lane), { calls: null, money: null });
  await Promise.all(telling);
  engine.log("lane.rescued", { lane, wait_ms: state?.wait_ms ?? null });
  if (state?.wait_ms == null || state.held === 1) return;
  const again: Wake = { lane, wait_ms: Math.max(PAUSE_MS, state.wait_ms) };
  if (again.wait_ms <= 86_400_000) await wake(engine, [again], WAKE_LIMIT_MS);
}

/** A dead letter is a wake-up that its queue gave up on. Never throws. */
export async function consumeDeadLetters(batch: MessageBatch, engine: Engine): Promise<void> {
  for (const message of batch.messages) {
    const lane = laneIn(message.body);
    try {
      if (lane !== null) await rescueLane(engine, lane);
      message.ack();
    } catch (error) {
      engine.log("rescue.failed", { lane, reason: reasonOf(error) });
      message.retry({ delaySeconds: RETRY_DELAY_S });
    }
  }
}
