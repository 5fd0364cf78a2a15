import { newId, shardOf } from "#core/lib/ids";
import { reasonOf } from "#core/lib/log";
import { shard } from "#core/store/shard";
import { untouched } from "#core/store/lanes";
import { borrow } from "./borrow.ts";
import { createCommitter } from "./committer.ts";
import type { Consumer } from "./engine.ts";
import { createSlots } from "./slots.ts";
import { heard, tell } from "./tell.ts";
import { workLane, type Turn } from "./turn.ts";
import { laneIn } from "./wake.ts";

const RETRY_DELAY_S = 15;
const FULL_PAUSE_MS = 10;

let turnsInBackground = 0;

/**
 * A queue batch is one turn over the lanes it names. Never throws: what cannot be done now is asked for again, and what
 * dies on the way is found by the clock.
 */
export async function consume(
  batch: MessageBatch,
  consumer: Consumer,
  context: Pick<ExecutionContext, "waitUntil">,
): Promise<void> {
  const messages = batch.messages.map((message) => ({ message, lane: laneIn(message.body) }));
  for (const { message, lane } of messages) if (lane === null) refuse(consumer, message);

  const named = messages.flatMap(({ message, lane }) => (lane === null ? [] : [{ message, lane }]));
  const byShard = Map.groupBy(named, ({ lane }) => shardOf(lane));
  await Promise.all(
    [...byShard.values()].map(async (some) => {
      const lanes = [...new Set(some.map(({ lane }) => lane))];
      try {
        const work = await begin(consumer, lanes);
        // The lanes are ours, or somebody else's to look after: the wake-ups have done their work.
        for (const { message } of some) message.ack();
        await inBackground(consumer, context, work);
      } catch (error) {
        consumer.log("turn.failed", { lanes: lanes.length, reason: reasonOf(error) });
        for (const { message } of some) message.retry({ delaySeconds: RETRY_DELAY_S });
      }
    }),
  );
}

/** A message that names no lane can never be of use. */
function refuse(consumer: Consumer, message: Message): void {
  consumer.log("message.unreadable", { message: message.id, attempts: message.attempts });
  message.ack();
}

/**
 * Where a local queue runs one batch at a time, `background` turns go on behind it. The queue waits with one more until any
 * of them is over; deployed Workers await each turn.
 */
async function inBackground(
  consumer: Consumer,
  context: Pick<ExecutionContext, "waitUntil">,
  work: () => Promise<void>,
): Promise<void> {
  if (consumer.background === 0) return work();
  turnsInBackground++;
  context.waitUntil(
    work().finally(() => {
      turnsInBackground--;
    }),
  );
  while (turnsInBackground > consumer.background) await consumer.clock.sleep(FULL_PAUSE_MS);
}

/**
 * Take lanes. Resolves once the leasing commit is through, with the rest of the turn still to be done; rejects if the
 * lanes could not be taken.
 */
export async function begin(consumer: Consumer, lanes: string[]): Promise<() => Promise<void>> {
  const { clock, limits, log, random, databases } = consumer;
  const db = shard(databases, lanes[0] ?? "");
  if (db === null) throw new Error("no database is bound for these lanes");
  const slots = createSlots(consumer.concurrency);
  const telling: Promise<void>[] = [];
  const committer = createCommitter({
    db,
    callers: () => slots.taken(),
    tell: (due) => telling.push(tell(consumer, due)),
    lack: (short) => telling.push(borrow(consumer, db, short)),
    lease: newId("lse", shardOf(lanes[0] ?? ""), clock.now()),
    lease_ms: limits.lease_ms,
    app_windows: consumer.app_windows,
    unrepeatable: consumer.kinds.unrepeatable,
    reconcilable: consumer.kinds.reconcilable,
    now: () => clock.stored(),
    sleep: (ms) => clock.sleep(ms),
    random,
    log,
  });
  const turn: Turn = { consumer, committer, slots, began_at: clock.now() };
  const leased = committer.lease(lanes);
  // Loops begin at once, so that their first claims ride in the leasing commit. They never reject.
  const loops = lanes.map(async (lane) => {
    const held = untouched(lane);
    return { held, left: await workLane(turn, held, { alone: false }) };
  });
  await leased;
  heard(lanes);
  return async () => {
    const suspects = (await Promise.all(loops)).filter(({ left }) => left === "suspect");
    // What crashed its Worker twice runs alone, when nobody else's job can die with it.
    for (const { held } of suspects) await workLane(turn, held, { alone: true });
    await Promise.all(telling);
    log("turn.ended", { lanes: lanes.length, ...committer.bill() });
  };
}
