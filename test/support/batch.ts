import { tweetCreate } from "#core/jobs/kinds/tweet-create";
import type { Order } from "#core/jobs/enqueue";
import { enqueueBatch, type BatchOrder } from "#core/jobs/enqueue-batch";
import { newId } from "#core/lib/ids";
import type { Harness } from "./harness.ts";

type Fields = Partial<Order>;

/** A batch of tweets, one for each of these accounts, as the producer makes it. */
export const batchOf = (
  h: Harness,
  accounts: readonly string[],
  more: (index: number, account_id: string) => Fields = () => ({}),
): BatchOrder => ({
  client_id: h.clientId,
  id: newId("bat", "0", h.now()),
  rejected: 0,
  rejections: "[]",
  warnings: "{}",
  created_at: h.now(),
  key: null,
  items: accounts.map((account_id, index) => ({
    index,
    warnings: [],
    order: {
      client_id: h.clientId,
      account_id,
      kind: tweetCreate,
      params: { account_id, text: `item ${index}` },
      run_at: null,
      expires_at: null,
      any_order: false,
      max_attempts: null,
      metadata: null,
      cost_estimated: 0,
      ...more(index, account_id),
    },
  })),
});

/** Take a batch and wake its lanes. Returns its id. */
export async function postBatch(
  h: Harness,
  ...args: Parameters<typeof batchOf> extends [Harness, ...infer Rest] ? Rest : never
): Promise<string> {
  const order = batchOf(h, ...args);
  const { wakes } = await enqueueBatch(h.consumer.databases, order, h.now());
  for (const { lane, wait_ms } of wakes) h.messages.push({ lane, at: h.now() + wait_ms });
  return order.id;
}
