import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { enqueueBatch, type BatchOrder } from "#core/jobs/enqueue-batch";
import { tweetCreate } from "#core/jobs/kinds/tweet-create";
import { tweetDelete } from "#core/jobs/kinds/tweet-delete";
import { newId } from "#core/lib/ids";
import { batchOf } from "../../support/batch.ts";
import { batchedBy, losingAnswers } from "../../support/database.ts";
import { createHarness } from "../../support/harness.ts";

const DAY_MS = 86_400_000;

test("writes the batch, its part and its jobs in one transaction, the key and the batch first", async () => {
  const h = await createHarness();
  const account = await h.account();
  const sizes: number[] = [];
  h.wrapDatabase((db) =>
    batchedBy(db, (statements) => {
      sizes.push(statements.length);
      return db.batch(statements);
    }),
  );
  const order = batchOf(h, [account, account]);
  const key = { client_id: h.clientId, key: "k", body_hash: "h", job_id: order.id, created_at: h.now() };
  const { batch } = await enqueueBatch(h.consumer.databases, { ...order, key }, h.now());
  expect(batch).toMatchObject({ accepted: 2, shards: "0", open_shards: "0", taken_at: h.now() });
  expect(sizes).toEqual([9]);
});

test("each lane is due with its earliest job and woken if that is soon", async () => {
  const h = await createHarness();
  const [one, two] = [await h.account(), await h.account()];
  const order = batchOf(h, [one, one, two], (index) => ({
    run_at: h.now() + (index === 1 ? 60_000 : DAY_MS),
  }));
  const { wakes } = await enqueueBatch(h.consumer.databases, order, h.now());
  expect(wakes).toEqual([{ lane: `tweets:${one}`, wait_ms: 60_000 }]);
  expect(await h.lane(`tweets:${one}`)).toMatchObject({ next_at: h.now() + 60_000 });
  expect(await h.lane(`tweets:${two}`)).toMatchObject({ next_at: h.now() + DAY_MS });
});

test("media that its jobs need are kept for them, and sent ahead of those that are due later, once for each account", async () => {
  const h = await createHarness();
  const [one, two] = [await h.account(), await h.account()];
  const media_id = newId("med", "0", h.now());
  const order = batchOf(h, [one, one, one, two], (index, account_id) => ({
    params: { account_id, text: `item ${index}`, media: [media_id] },
    run_at: index === 0 ? null : h.now() + DAY_MS + (4 - index) * 60_000,
  }));
  const { wakes } = await enqueueBatch(h.consumer.databases, order, h.now());
  expect(wakes).toEqual([{ lane: `tweets:${one}`, wait_ms: 0 }]);
  const { results: uses } = await env.DB.prepare("SELECT job_id FROM media_uses").all();
  expect(uses).toHaveLength(4);
  const { results } = await env.DB.prepare(
    "SELECT account_id, due_at FROM jobs WHERE kind = 'media.upload' ORDER BY account_id = ?1 DESC",
  )
    .bind(one)
    .all();
  // Of two that share a sending the earlier one says when.
  expect(results).toEqual([
    { account_id: one, due_at: h.now() + DAY_MS + 2 * 60_000 - 1_800_000 },
    { account_id: two, due_at: h.now() + DAY_MS + 60_000 - 1_800_000 },
  ]);
  expect(await h.lane(`media:${media_id}:${two}`)).toMatchObject({ next_at: results[1]?.due_at });
});

test("of a batch that is not written no medium is sent", async () => {
  const h = await createHarness();
  const account = await h.account();
  const later = { run_at: h.now() + DAY_MS };
  const made = batchOf(h, [account, newId("acc", "0", h.now())], (index, account_id) => ({
    ...later,
    params: { account_id, text: `item ${index}`, media: [newId("med", "0", h.now())] },
  }));
  await enqueueBatch(h.consumer.databases, made, h.now());
  const { results } = await env.DB.prepare("SELECT * FROM jobs").all();
  expect(results).toEqual([]);
});

test("several kinds of one account go on their lanes", async () => {
  const h = await createHarness();
  const account = await h.account();
  const order = batchOf(h, [account, account], (index) =>
    index === 0
      ? { kind: tweetCreate }
      : { kind: tweetDelete, params: { account_id: account, tweet_id: "12" } },
  );
  const { wakes } = await enqueueBatch(h.consumer.databases, order, h.now());
  expect(wakes.map(({ lane }) => lane).sort()).toEqual([`deletes:${account}`, `tweets:${account}`]);
});

describe("is not written", () => {
  test("when its key is another batch's", async () => {
    const h = await createHarness();
    const account = await h.account();
    const keyed = (): BatchOrder => {
      const order = batchOf(h, [account]);
      return {
        ...order,
        key: { client_id: h.clientId, key: "k", body_hash: "h", job_id: order.id, created_at: 1 },
      };
    };
    const first = keyed();
    await enqueueBatch(h.consumer.databases, first, h.now());
    const second = await enqueueBatch(h.consumer.databases, keyed(), h.now());
    expect(second).toMatchObject({ batch: null, key: { job_id: first.id }, wakes: [] });
    await h.pass(60_000);
    expect(h.posted()).toHaveLength(1);
  });

  test.each(["0", "1"] as const)(
    "when an account of it is not the client's, on database %s",
    async (shard) => {
      const h = await createHarness({ sharded: true });
      const order = batchOf(h, [await h.account({ shard }), newId("acc", shard, h.now())]);
      const { batch } = await enqueueBatch(h.consumer.databases, order, h.now());
      expect(batch).toBeNull();
      expect(await h.batch(order.id)).toBeNull();
      await h.pass(60_000);
      expect(h.posted()).toEqual([]);
    },
  );
});

test("sent again because its answer was lost, it is the same batch, and its lanes are woken", async () => {
  const h = await createHarness();
  const order = batchOf(h, [await h.account()]);
  h.wrapDatabase((db) => losingAnswers(db, (nth) => nth === 1));
  await expect(enqueueBatch(h.consumer.databases, order, h.now())).rejects.toThrow("lost");
  h.advance(50);
  const { batch, wakes } = await enqueueBatch(h.consumer.databases, order, h.now(), true);
  expect(batch).toMatchObject({ accepted: 1 });
  expect(wakes).toHaveLength(1);
  await h.deliver(wakes.map(({ lane }) => ({ lane })));
  expect(h.posted()).toEqual(["item 0"]);
});
