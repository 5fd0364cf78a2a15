import { ask } from "../../scripts/api.ts";
import type { Caller } from "../../scripts/jobs.ts";
import { until } from "../../scripts/wait.ts";
import { POSTS } from "../support/troubles.ts";

type Batch = { id: string; state: string; counts: Record<string, number> };

const ENDED_MS = 120_000;

/** Have X refuse the tweets with these words from now on, or none. */
const refuse = (simulator: string, words: string | null): Promise<unknown> => {
  const match = { ...POSTS, text: words };
  const faults = words === null ? [] : [{ match, fault: { kind: "error", status: 403, when: "before" } }];
  return ask(`${simulator}/_sim/faults`, { method: "PUT", body: { faults } });
};

/** Tweets by their texts, each for an account; all have these words in them. */
export type Tweets = { words: string; texts: Map<string, string> };

/** Hand over tweets that X refuses, wait until all have failed, and try them again: each is told of twice. */
export async function tellTwice(
  { url, key }: Caller,
  simulator: string,
  { words, texts }: Tweets,
): Promise<string> {
  await refuse(simulator, words);
  const items = [...texts].map(([text, account_id]) => ({ account_id, text }));
  const { id } = await ask<Batch>(`${url}/v1/batches`, { key, body: { items } });
  await untilCompleted({ url, key }, id);
  await refuse(simulator, null);
  await ask(`${url}/v1/batches/${id}/retry`, { key, body: {} });
  return id;
}

/** Wait until every job of a batch has ended. Resolves with how many succeeded. */
export async function untilCompleted({ url, key }: Caller, id: string): Promise<number> {
  const batch = await until("the end of the batch", ENDED_MS, async () => {
    const found = await ask<Batch>(`${url}/v1/batches/${id}`, { key });
    return found.state === "completed" ? found : null;
  });
  return batch.counts.succeeded ?? 0;
}
