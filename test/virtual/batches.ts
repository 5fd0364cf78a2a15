import { enqueueBatch } from "#core/jobs/enqueue-batch";
import { tweetCreate } from "#core/jobs/kinds/tweet-create";
import { DAY_MS } from "#core/lib/clock";
import { newId } from "#core/lib/ids";
import type { World } from "./world.ts";

/** A tweet of a batch, of which the rest is as usual. */
export type Item = { account_id: string; text: string; run_at?: number };

/** Take a batch of tweets as the producer does. Returns its id. */
export async function postBatch(world: World, items: readonly Item[]): Promise<string> {
  const { client_id } = world;
  const id = newId("bat", "0", world.now());
  const { wakes } = await enqueueBatch(
    { DB: world.db },
    {
      ...{ client_id, id, created_at: world.now(), key: null, rejected: 0, rejections: "[]", warnings: "{}" },
      items: items.map(({ account_id, text, run_at = null }, index) => ({
        index,
        warnings: [],
        order: {
          ...{ client_id, account_id, kind: tweetCreate, params: { account_id, text }, run_at },
          ...{ expires_at: null, expires_after_ms: 30 * DAY_MS, any_order: false, max_attempts: null },
          ...{ metadata: null, cost_estimated: 15_000 },
        },
      })),
    },
    world.now(),
  );
  for (const { lane, wait_ms } of wakes) world.send(lane, wait_ms);
  return id;
}
