import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { redriveDead } from "#core/jobs/redrive";
import { DAY_MS, MINUTE_MS } from "#core/lib/clock";
import { createHarness, refused, tweeted, type Harness } from "../../support/harness.ts";
import { lookout } from "../../support/lookout.ts";

type Entry = { outcome: string; times?: number };
const outcomes = async (h: Harness, id: string) =>
  (JSON.parse((await h.job(id)).log) as Entry[]).map(({ outcome }) => outcome);

const redrive = async (h: Harness, ids: string[]) => {
  const found = ids.map((id) => ({ id, kind: "tweet.create" }));
  const { ids: done, wakes } = await redriveDead(h.consumer, h.clientId, found);
  for (const { lane } of wakes) h.messages.push({ lane, at: h.now() });
  return done;
};

/** A job that nobody will try again, as it stands. */
const kill = (id: string) =>
  env.DB.prepare("UPDATE jobs SET state = 'dead', open = NULL, finished_at = 1 WHERE id = ?").bind(id).run();

describe("a dead job that is redriven", () => {
  test("and that X had taken ends succeeded, with one tweet at X", async () => {
    const { h, post, lose, looks, texts } = await lookout({});
    lose({ kind: "error", status: 503, when: "after" });
    const id = await post("only once");
    await h.turn();
    expect(await h.job(id)).toMatchObject({ state: "unknown", maybe_sent: 2 });
    await kill(id);
    expect(texts()).toEqual(["only once"]);

    h.advance(DAY_MS / 24);
    expect(await redrive(h, [id])).toEqual([id]);
    expect(await h.job(id)).toMatchObject({ state: "unknown", open: 1 });
    await h.pass(MINUTE_MS);
    expect(looks().length).toBeGreaterThan(0);
    expect(await h.job(id)).toMatchObject({ state: "succeeded" });
    expect(texts()).toEqual(["only once"]);
    expect(await outcomes(h, id)).toEqual(["lost", "redriven", "done"]);
  });

  test("and that X had not taken is looked for, then posted once", async () => {
    const { h, post, lose, texts } = await lookout({});
    lose({ kind: "error", status: 503, when: "before" });
    const id = await post("never taken");
    await h.turn();
    await kill(id);
    await redrive(h, [id]);
    expect(texts()).toEqual([]);
    await h.pass(5 * MINUTE_MS);
    expect(await h.job(id)).toMatchObject({ state: "succeeded" });
    expect(texts()).toEqual(["never taken"]);
  });

  test("keeps why it died and its whole log, to which the redrive is added", async () => {
    const h = await createHarness();
    const account = await h.account({ expires_in_ms: DAY_MS });
    const id = await h.remove(account, "1", { max_attempts: 20 });
    h.answer(() => refused(503, "Service Unavailable"));
    for (let i = 0; i < 20; i++) {
      h.advance(20 * MINUTE_MS);
      // X is well again for everybody else.
      await env.DB.exec("DELETE FROM gates");
      await h.tick();
      await h.turn();
    }
    expect(await h.job(id)).toMatchObject({ state: "dead", attempts: 20 });
    const { ids } = await redriveDead(h.consumer, h.clientId, [{ id, kind: "tweet.delete" }]);
    expect(ids).toEqual([id]);
    const before = await outcomes(h, id);
    expect(before.filter((outcome) => outcome === "retry")).toHaveLength(20);
    expect(before.at(-1)).toBe("redriven");
    const job = await h.job(id);
    expect((JSON.parse(job.error ?? "null") as { code: string }).code).toBe("attempts_exhausted");
    h.answer(() => Response.json({ data: { deleted: true } }));
    await h.tick();
    await h.turn();
    expect(await h.job(id)).toMatchObject({ state: "succeeded", attempts: 1 });
    expect(await outcomes(h, id)).toEqual([...before, "done"]);
  });
});

test("many of one account go out in the order in which they were made, on one wake-up", async () => {
  const h = await createHarness();
  const account = await h.account();
  const ids: string[] = [];
  for (let i = 0; i < 130; i++) {
    ids.push(await h.post(account, `tweet ${i}`));
    h.advance(1);
  }
  await env.DB.exec("UPDATE jobs SET state = 'dead', open = NULL, finished_at = 1");
  await env.DB.exec("UPDATE lanes SET next_at = NULL");
  h.messages.length = 0;
  h.answer(() => tweeted());
  expect(await redrive(h, ids)).toEqual([...ids].sort());
  expect(h.messages).toHaveLength(1);
  await h.pass(20 * MINUTE_MS);
  expect(h.posted()).toEqual(ids.map((_, i) => `tweet ${i}`));
});

test("asked again it changes nothing, and neither a job that ended otherwise nor one of an unknown kind moves", async () => {
  const h = await createHarness();
  const account = await h.account();
  const dead = await h.post(account, "dead");
  await kill(dead);
  const waiting = await h.post(account, "waiting");
  const other = await h.post(account, "other");
  await kill(other);
  const found = [
    { id: dead, kind: "tweet.create" },
    { id: waiting, kind: "tweet.create" },
    { id: other, kind: "moon.land" },
  ];
  expect((await redriveDead(h.consumer, h.clientId, found)).ids).toEqual([dead]);
  const after = await h.job(dead);
  expect(await redriveDead(h.consumer, h.clientId, found)).toEqual({ ids: [], wakes: [] });
  expect(await h.job(dead)).toEqual(after);
  expect(await h.job(waiting)).toMatchObject({ state: "queued", sequence: 1 });
  expect(await h.job(other)).toMatchObject({ state: "dead" });
});
