import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { consumeDeadLetters, rescueLane } from "#core/jobs/rescue";
import { isId } from "#core/lib/ids";
import * as jobs from "#core/store/jobs";
import type { JobRow } from "#core/store/jobs";
import { losingAnswers, unreachable } from "../../support/database.ts";
import { createHarness, tweeted, type Harness } from "../../support/harness.ts";

const codeOf = (job: JobRow): unknown => (JSON.parse(job.error ?? "null") as { code?: string } | null)?.code;
const deleted = () => Response.json({ data: { deleted: true } });

describe("a job whose Worker died", () => {
  test("is unknown if it may not be repeated, and holds its place until X was looked at", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.post(account, "who knows");
    await h.crash(`tweets:${account}`);
    h.advance(1);
    await h.post(account, "next");
    await h.pass(60_000);
    const job = await h.job(id);
    expect(job).toMatchObject({
      state: "unknown",
      open: 1,
      maybe_sent: 2,
      crashes: 1,
      losses: 1,
      lease: null,
    });
    expect(JSON.parse(job.log)).toMatchObject([{ outcome: "crashed" }, { outcome: "retry", times: 2 }]);
    expect(h.posted()).toEqual([]);
    h.answer(({ method }) => (method === "GET" ? Response.json({ meta: { result_count: 0 } }) : tweeted()));
    await h.pass(180_000);
    expect(h.posted()).toEqual(["who knows", "next"]);
  });

  test("is run again if it may be repeated", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.remove(account, "1");
    await h.crash(`deletes:${account}`);
    h.answer(deleted);
    await h.pass(60_000);
    expect(await h.job(id)).toMatchObject({ state: "succeeded", crashes: 1, attempts: 2 });
    expect(h.calls).toHaveLength(1);
  });

  test("is told of at once when it does not go on, whoever rescues it", async () => {
    for (const by of ["the next turn", "the dead letter"]) {
      const h = await createHarness();
      await h.endpoint(["job.*"]);
      const account = await h.account();
      await h.remove(account, "1", { max_attempts: 1 });
      await h.crash(`deletes:${account}`);
      h.messages.length = 0;
      if (by === "the next turn") await h.deliver([{ lane: `deletes:${account}` }]);
      else await rescueLane(h.consumer, `deletes:${account}`);
      expect(h.messages.map(({ lane }) => lane.split(":")[0])).toEqual(["webhook"]);
      await h.turn();
      expect(h.receiver.types()).toEqual(["job.dead"]);
    }
  });

  test("is dead after its third crash", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.remove(account, "1");
    for (let i = 0; i < 3; i++) await h.crash(`deletes:${account}`);
    h.advance(1);
    await h.remove(account, "2");
    h.answer(deleted);
    await h.pass(60_000);
    expect(await h.job(id)).toMatchObject({ state: "dead", crashes: 3, open: null, lease: null });
    expect(codeOf(await h.job(id))).toBe("poison");
    expect(h.calls.map(({ path }) => path)).toEqual(["/2/tweets/2"]);
  });

  test("is dead when that was its last attempt", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.remove(account, "1", { max_attempts: 1 });
    await h.crash(`deletes:${account}`);
    await h.pass(60_000);
    expect(await h.job(id)).toMatchObject({ state: "dead", crashes: 1 });
    expect(codeOf(await h.job(id))).toBe("attempts_exhausted");
    expect(h.calls).toEqual([]);
  });

  test("is parked after its third crash if X may have acted, and its client is told once", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.post(account, "who knows");
    h.answer(() => Response.json({ meta: { result_count: 0 } }));
    for (let i = 0; i < 3; i++) {
      await h.crash(`tweets:${account}`);
      // The answer of every commit is lost, so each is sent again.
      let sent = 0;
      h.wrapDatabase((db) => losingAnswers(db, () => sent++ % 2 === 0));
      if (i < 2) {
        await rescueLane(h.consumer, `tweets:${account}`);
        h.advance(6_000);
      } else await rescueLane(h.consumer, `tweets:${account}`);
      h.wrapDatabase((db) => db);
    }
    const job = await h.job(id);
    expect(job).toMatchObject({ state: "unknown", open: null, maybe_sent: 2, crashes: 3 });
    const { results } = await env.DB.prepare("SELECT * FROM events").all<{ id: string; data: string }>();
    expect(results).toMatchObject([{ type: "job.unknown", account_id: account }]);
    expect(isId("evt", results[0]?.id ?? "")).toBe(true);
    expect(results[0]?.data).toContain(id);
    expect(results[0]?.data).toContain(`"sequence":${job.sequence}`);
  });

  test("is canceled if that was asked while it ran", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.remove(account, "1");
    await h.crash(`deletes:${account}`);
    await jobs.requestCancel(env.DB, h.clientId, id).run();
    await h.pass(60_000);
    expect(await h.job(id)).toMatchObject({ state: "canceled", finished_at: expect.any(Number) as number });
    expect(h.calls).toEqual([]);
  });
});

describe("a lane that its queue gave up on", () => {
  test("is settled, given back and woken a little later", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.remove(account, "1");
    h.messages.length = 0;
    await h.crash(`deletes:${account}`);
    await rescueLane(h.consumer, `deletes:${account}`);
    expect(await h.job(id)).toMatchObject({ state: "waiting", crashes: 1, lease: null });
    expect(await h.lane(`deletes:${account}`)).toMatchObject({
      lease: null,
      next_at: (await h.job(id)).due_at,
    });
    expect(h.messages).toEqual([{ lane: `deletes:${account}`, at: h.now() + 30_000 }]);
  });

  test("is left alone while its lease lives", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.post(account, "one");
    let rescued: Promise<void> | null = null;
    h.answer(async () => {
      rescued = rescueLane(h.consumer, `tweets:${account}`);
      await rescued;
      return tweeted();
    });
    await h.turn();
    expect(rescued).not.toBeNull();
    expect(await h.job(id)).toMatchObject({ state: "succeeded", crashes: 0 });
    expect(h.messages).toEqual([]);
  });

  test("is not woken when there is nothing in it, or when it is unknown", async () => {
    const h = await createHarness();
    const account = await h.account();
    await h.post(account, "one");
    await h.turn();
    for (const lane of [`tweets:${account}`, `tweets:${account.slice(0, -2)}x0`, "tweets:acc_other_z"])
      await rescueLane(h.consumer, lane);
    expect(h.messages).toEqual([]);
    expect(h.posted()).toEqual(["one"]);
  });
});

describe("dead letters", () => {
  const deliver = async (h: Harness, bodies: unknown[]) => {
    const seen = { acked: 0, retried: 0 };
    const messages = bodies.map((body) => ({ body, ack: () => seen.acked++, retry: () => seen.retried++ }));
    await consumeDeadLetters({ messages } as unknown as MessageBatch, h.consumer);
    return seen;
  };

  test("each names a lane, which is rescued; what names none is taken off the queue", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.remove(account, "1");
    await h.crash(`deletes:${account}`);
    const bodies = [{ lane: `deletes:${account}` }, null, { lane: 7 }, { lane: "deletes:acc_nobody9" }];
    expect(await deliver(h, bodies)).toEqual({ acked: 4, retried: 0 });
    expect(await h.job(id)).toMatchObject({ state: "waiting", crashes: 1 });
  });

  test("one that cannot be rescued now comes again, and does not hold up the others", async () => {
    const h = await createHarness({ sharded: true });
    const there = await h.account({ shard: "1" });
    await h.remove(there, "1");
    h.messages.length = 0;
    h.wrapDatabase((db) => unreachable(db));
    const bodies = [{ lane: "deletes:acc_nobody0" }, { lane: `deletes:${there}` }];
    expect(await deliver(h, bodies)).toEqual({ acked: 1, retried: 1 });
    expect(h.messages.map(({ lane }) => lane)).toEqual([`deletes:${there}`]);
    expect(h.logged("rescue.failed")).toHaveLength(1);
  });
});
