import type { Engine } from "./engine.ts";
import type { DueLane } from "#core/store/deliveries";
import { wake } from "./wake.ts";

const LIMIT_MS = 10_000;
/** Forgotten when there are more; then a lane may be woken twice, which does no harm. */
const REMEMBERS = 10_000;

/** Since when the lanes had something to do that this Worker has woken last. */
const woken = new Map<string, number>();

/**
 * Wake the lanes of deliveries that a commit has made. While a wake-up is on its way its lane is found by every commit: it is
 * sent once for each time that the lane had something to do.
 */
export async function tell(engine: Pick<Engine, "queues" | "kinds" | "log">, due: DueLane[]): Promise<void> {
  const fresh = due.filter(({ lane, next_at }) => woken.get(lane) !== next_at);
  if (fresh.length === 0) return;
  if (woken.size > REMEMBERS) woken.clear();
  for (const { lane, next_at } of fresh) woken.set(lane, next_at);
  await wake(
    engine,
    fresh.map(({ lane, wait_ms = 0 }) => ({ lane, wait_ms })),
    LIMIT_MS,
  );
}

/** Its wake-up has come, and the lane is somebody's: when it has something to do again, that is another time. */
export const heard = (lanes: string[]): void => {
  for (const lane of lanes) woken.delete(lane);
};
