import { expect, test } from "vitest";
import { createHarness } from "../../support/harness.ts";

test("a tweet is posted once, at its account's turn, and its job says so", async () => {
  const h = await createHarness();
  const account = await h.account();
  const id = await h.post(account, "hello");
  expect(await h.turn()).toEqual({ acked: 1, retried: 0 });
  expect(h.posted()).toEqual(["hello"]);
  const job = await h.job(id);
  expect(job).toMatchObject({ state: "succeeded", attempts: 1, maybe_sent: 0, lease: null, open: null });
  expect(JSON.parse(job.result ?? "")).toMatchObject({ tweet_id: expect.stringMatching(/^\d+$/) as string });
  expect(await h.lane(`tweets:${account}`)).toMatchObject({ next_at: null, lease: null });
});

test("ten tweets of one account go out in one turn, in the order they came", async () => {
  const h = await createHarness();
  const account = await h.account();
  const texts = Array.from({ length: 10 }, (_, i) => `tweet ${i}`);
  for (const text of texts) {
    await h.post(account, text);
    h.advance(1);
  }
  expect(h.messages).toHaveLength(1);
  await h.turn();
  expect(h.posted()).toEqual(texts);
});
