import type { Kind } from "#core/jobs/define";
import { acceptedOf } from "#core/jobs/tally";
import { SECOND_MS } from "#core/lib/clock";
import { shard, FIRST_SHARD } from "#core/store/shard";
import * as tallies from "#core/store/tallies";
import type { App } from "./app.ts";

/** Reads are many and write nothing: what they count waits so long for a job that takes it along. */
const WAITS_MS = 10 * SECOND_MS;

/** When each isolate's counts were last written by themselves: epoch ms. */
const written = new WeakMap<App["tally"], number>();

/** Write what is counted here and what no commit has taken along, at most every ten seconds. What fails is lost. */
export async function flushTally(app: App): Promise<void> {
  const now = app.clock.now();
  if (now - (written.get(app.tally) ?? 0) < WAITS_MS) return;
  written.set(app.tally, now);
  const counts = app.tally.take();
  const db = shard(app.databases, FIRST_SHARD);
  if (db && Object.keys(counts).length > 0) await tallies.addLoose(db, "producer", counts).run();
}

/** Count what was taken, but for kinds that a trigger counts. Written now and then: what an isolate took last may be lost with it. */
export function countTaken(app: App, kinds: readonly Kind[]): void {
  for (const [key, count] of Object.entries(acceptedOf(kinds))) app.tally.add(key, count);
  app.later(flushTally(app));
}
