import { describe, expect, test } from "vitest";
import { tweetDelete } from "#core/jobs/kinds/tweet-delete";
import { createHarness, refused } from "../../../support/harness.ts";

const account_id = "acc_01KAB3C4D5V1StGXR8Z5jd0";

test("X is asked once to delete that tweet, and the result names it", async () => {
  const h = await createHarness();
  h.answer(() => Response.json({ data: { deleted: true } }));
  const id = await h.remove(await h.account(), "1346889436626259968");
  await h.turn();
  expect(h.calls).toMatchObject([{ method: "DELETE", path: "/2/tweets/1346889436626259968", body: null }]);
  expect(JSON.parse((await h.job(id)).result ?? "")).toEqual({
    tweet_id: "1346889436626259968",
    deleted: true,
  });
});

test("a tweet that is not there any more counts as deleted", async () => {
  const h = await createHarness();
  h.answer(() => refused(404, "Could not find tweet"));
  const id = await h.remove(await h.account(), "1");
  await h.turn();
  expect(await h.job(id)).toMatchObject({ state: "succeeded", attempts: 1 });
});

test("a tweet that X says it did not delete is an error of the job", async () => {
  const h = await createHarness();
  h.answer(() => Response.json({ data: { deleted: false } }));
  const id = await h.remove(await h.account(), "1");
  await h.turn();
  const job = await h.job(id);
  expect(job).toMatchObject({ state: "failed" });
  expect(JSON.parse(job.error ?? "")).toMatchObject({ code: "tweet_not_found" });
});

test("deletions do not wait behind tweets", async () => {
  const h = await createHarness();
  const account = await h.account();
  h.answer(({ method }) =>
    method === "POST" ? refused(503, "over capacity") : Response.json({ data: { deleted: true } }),
  );
  await h.post(account, "stuck");
  const id = await h.remove(account, "1");
  expect(h.messages.map(({ lane }) => lane)).toEqual([`tweets:${account}`, `deletes:${account}`]);
  await h.turn();
  expect(await h.job(id)).toMatchObject({ state: "succeeded" });
});

describe("what names no tweet is refused", () => {
  test.each(["", "abc", "-1", "1.0", "12345678901234567890", 7, null])("%j", (tweet_id) => {
    expect(tweetDelete.params.safeParse({ account_id, tweet_id }).success).toBe(false);
  });
});
