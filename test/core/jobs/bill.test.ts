import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createBill } from "#core/jobs/bill";
import { endpoints } from "#core/x/endpoints";
import type { UsageRow } from "#core/store/usage";
import { readPrices } from "#core/x/prices";
import { createHarness, refused } from "../../support/harness.ts";

test("a bill adds up what X carried out in one run", () => {
  const bill = createBill(readPrices(undefined, ""));
  expect(bill.total()).toEqual({ cost: 0, reads: 0 });
  bill.charge(endpoints.userTweets, undefined, { data: [1, 2] });
  bill.charge(endpoints.createTweet, { text: "hello" }, null);
  expect(bill.total()).toEqual({ cost: 17_000, reads: 2 });
});

describe("what X bills", () => {
  const usage = (account: string) =>
    env.DB.prepare("SELECT * FROM usage WHERE account_id = ?").bind(account).first<UsageRow>();

  test("stands on the job and in its account's day, once", async () => {
    const h = await createHarness();
    const account = await h.account();
    const [plain, linked] = [await h.post(account, "plain"), await h.post(account, "see example.com")];
    await h.turn();
    expect(await h.job(plain)).toMatchObject({ cost_estimated: 15_000, cost_actual: 15_000 });
    expect(await h.job(linked)).toMatchObject({ cost_estimated: 200_000, cost_actual: 200_000 });
    expect(await usage(account)).toMatchObject({ succeeded: 2, reads: 0, cost: 215_000 });
  });

  test("is nothing when X refuses, and the refusal counts as a failure", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.post(account, "no");
    h.answer(() => refused(403, "You are not allowed"));
    await h.turn();
    expect(await h.job(id)).toMatchObject({ state: "failed", cost_actual: 0 });
    expect(await usage(account)).toMatchObject({ succeeded: 0, failed: 1, cost: 0 });
  });

  test("includes the looks for a tweet whose fate was unclear, and the tweet once it is found", async () => {
    const h = await createHarness();
    const account = await h.account({ x_user_id: "77" });
    const id = await h.post(account, "lost");
    let posted = 0;
    h.answer((call) => {
      if (call.method === "POST") return ((posted = h.now()), refused(503, "acted"));
      const found = { id: String(BigInt(posted - 1_288_834_974_657) << 22n), text: "lost", author_id: "77" };
      return Response.json({ data: [found], meta: { result_count: 1 } });
    });
    await h.pass(10_000);
    expect(await h.job(id)).toMatchObject({ state: "succeeded", cost_actual: 16_000 });
    expect(await usage(account)).toMatchObject({ succeeded: 1, reads: 1, cost: 16_000 });
  });

  test("is counted once although the commit that says so is sent twice", async () => {
    const h = await createHarness();
    const account = await h.account();
    await h.post(account, "once");
    let lost = 0;
    h.wrapDatabase(
      (db) =>
        ({
          prepare: (sql: string) => db.prepare(sql),
          batch: async (statements: D1PreparedStatement[]) => {
            const results = await db.batch(statements);
            if (lost++ === 1) throw new Error("D1_ERROR: Network connection lost.");
            return results;
          },
        }) as unknown as D1Database,
    );
    await h.turn();
    expect(h.logged("commit.repeated")).toHaveLength(1);
    expect(await usage(account)).toMatchObject({ succeeded: 1, cost: 15_000 });
  });
});
