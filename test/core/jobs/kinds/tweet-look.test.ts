import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { MINUTE_MS, SECOND_MS } from "#core/lib/clock";
import { all } from "#core/store/sql";
import { refused, type Call } from "../../../support/harness.ts";
import { lookout } from "../../../support/lookout.ts";

const ACTED = [
  ["X says 503", { kind: "error", status: 503, when: "after" }],
  ["the connection breaks", { kind: "drop", when: "after" }],
  ["X's answer never comes", { kind: "hang", ms: 1_000_000_000, when: "after" }],
  ["X says 201 with nothing", { kind: "empty", status: 201, when: "after" }],
] as const;
const parked = () => all(env.DB.prepare("SELECT type, account_id FROM events"));
const isLook = ({ method, path }: Call) => method === "GET" && path.endsWith("/tweets");

describe("a tweet that X took", () => {
  test.each(ACTED.filter(([, { kind }]) => kind !== "hang"))(
    "and did not say so (%s) is found after 5 s, not posted again",
    async (_, fault) => {
      const look = await lookout();
      look.lose(fault);
      const id = await look.post("Call me Ishmael. https://example.com/a?b=1&c=2");
      await look.h.turn();
      expect(await look.h.job(id)).toMatchObject({ state: "unknown", open: 1 });
      await look.h.pass(6 * SECOND_MS);
      const job = await look.h.job(id);
      expect(job).toMatchObject({ state: "succeeded", attempts: 1, error: null, losses: 1 });
      expect(JSON.parse(job.result ?? "")).toMatchObject({ tweet_id: look.x.tweets(look.user.id)[0]?.id });
      expect(look.texts()).toHaveLength(1);
      expect(look.looks()).toHaveLength(1);
    },
  );

  test("and shows late is found by a later look", async () => {
    const look = await lookout();
    look.x.setSettings({ timeline_lag_ms: 20_000 });
    look.lose({ kind: "drop", when: "after" });
    const id = await look.post("late");
    await look.h.pass(29 * SECOND_MS);
    expect(await look.h.job(id)).toMatchObject({ state: "unknown", looks: 1 });
    await look.h.pass(3 * SECOND_MS);
    expect(await look.h.job(id)).toMatchObject({ state: "succeeded" });
    expect(look.texts()).toEqual(["late"]);
  });

  test("and shows only after we have looked three times: X calls the second a duplicate, and the first is found", async () => {
    const look = await lookout();
    look.x.setSettings({ timeline_lag_ms: 150_000 });
    look.lose({ kind: "drop", when: "after" });
    const id = await look.post("very late");
    await look.h.pass(10 * MINUTE_MS);
    expect(await look.h.job(id)).toMatchObject({ state: "succeeded", losses: 2 });
    expect(look.texts()).toEqual(["very late"]);
  });

  test("and never shows is parked after the last loss, with one event, and lets those behind it go", async () => {
    const look = await lookout();
    look.x.setSettings({ hide: [{ text: "hidden", ms: 1_000_000_000 }] });
    look.lose({ kind: "drop", when: "after" });
    const id = await look.post("hidden");
    look.h.advance(1);
    const next = await look.post("behind it");
    await look.h.pass(60 * MINUTE_MS);
    expect(await look.h.job(id)).toMatchObject({ state: "unknown", open: null });
    expect(await look.h.job(next)).toMatchObject({ state: "succeeded" });
    expect(look.texts()).toEqual(["hidden", "behind it"]);
    expect(await parked()).toEqual([{ type: "job.unknown", account_id: look.account }]);
  });
});

describe("a tweet that X did not take", () => {
  test("is posted after three looks, two minutes later, once", async () => {
    const look = await lookout();
    look.lose({ kind: "error", status: 503, when: "before" });
    const id = await look.post("never came");
    await look.h.pass(119 * SECOND_MS);
    expect(look.texts()).toEqual([]);
    await look.h.pass(10 * SECOND_MS);
    expect(await look.h.job(id)).toMatchObject({ state: "succeeded", attempts: 2, looks: 0 });
    expect(look.texts()).toEqual(["never came"]);
    expect(look.looks()).toHaveLength(3);
  });

  test("keeps its place: what stands behind it comes after it", async () => {
    const look = await lookout();
    look.lose({ kind: "error", status: 503, when: "before" });
    for (const text of ["one", "two", "three"]) {
      await look.post(text);
      look.h.advance(1);
    }
    await look.h.pass(5 * MINUTE_MS);
    expect(look.texts()).toEqual(["one", "two", "three"]);
  });

  test.each([{ nullcast: true }, { community_id: "12" }, { for_super_followers_only: true }])(
    "and that might not be listed (%j) is parked, never posted again",
    async (field) => {
      const look = await lookout();
      look.lose({ kind: "error", status: 503, when: "before" });
      const id = await look.post("hidden by its nature", field);
      await look.h.pass(60 * MINUTE_MS);
      expect(await look.h.job(id)).toMatchObject({ state: "unknown", open: null });
      expect(look.texts()).toEqual([]);
    },
  );

  test("with one attempt allowed is parked, not posted again", async () => {
    const look = await lookout();
    look.lose({ kind: "error", status: 503, when: "before" });
    const id = await look.h.post(look.account, "once", { max_attempts: 1 });
    await look.h.pass(60 * MINUTE_MS);
    expect(await look.h.job(id)).toMatchObject({ state: "unknown", open: null, attempts: 1 });
    expect(look.texts()).toEqual([]);
  });
});

describe("a look that does not count", () => {
  const broken: [string, () => Response][] = [
    ["X says 503", () => refused(503, "over capacity")],
    [
      "X answers with errors beside the data",
      () => Response.json({ meta: { result_count: 0 }, errors: [{ title: "x" }] }),
    ],
    ["X answers with a page", () => new Response("<html>", { status: 200 })],
  ];
  test.each(broken)("(%s) is made again, and nothing is posted meanwhile", async (_, answer) => {
    const look = await lookout();
    look.lose({ kind: "error", status: 503, when: "before" });
    const id = await look.post("patience");
    look.h.answer((call, request) => (isLook(call) ? answer() : look.x.fetch(request)));
    await look.h.pass(20 * MINUTE_MS);
    expect(await look.h.job(id)).toMatchObject({ state: "unknown", open: 1, looks: 0 });
    expect(look.texts()).toEqual([]);
    look.h.answer((_call, request) => look.x.fetch(request));
    await look.h.pass(5 * MINUTE_MS);
    expect(await look.h.job(id)).toMatchObject({ state: "succeeded", attempts: 2 });
    expect(look.texts()).toEqual(["patience"]);
  });

  test("for a day leaves it to a person", async () => {
    const look = await lookout();
    look.lose({ kind: "error", status: 503, when: "before" });
    const id = await look.post("patience");
    look.h.answer((call, request) => (isLook(call) ? refused(503, "over capacity") : look.x.fetch(request)));
    await look.h.pass(1430 * MINUTE_MS);
    expect(await look.h.job(id)).toMatchObject({ open: 1 });
    look.h.advance(20 * MINUTE_MS);
    await look.h.pass(5 * MINUTE_MS);
    expect(await look.h.job(id)).toMatchObject({ state: "unknown", open: null });
    expect(await parked()).toHaveLength(1);
  }, 30_000);

  test("because X forbids it leaves it to a person at once", async () => {
    const look = await lookout();
    look.lose({ kind: "drop", when: "after" });
    const id = await look.post("no reads here");
    look.h.answer((call, request) => (isLook(call) ? refused(403, "Forbidden") : look.x.fetch(request)));
    await look.h.pass(MINUTE_MS);
    expect(await look.h.job(id)).toMatchObject({ state: "unknown", open: null });
    expect(JSON.parse((await look.h.job(id)).error ?? "")).toMatchObject({ code: "x_forbidden" });
  });
});

describe("two equal texts of one account", () => {
  test("never claim each other's tweet", async () => {
    const look = await lookout();
    look.lose({ kind: "drop", when: "after" });
    const one = await look.h.post(look.account, "twice", { any_order: true });
    await look.h.turn();
    // By hand, or by another job: X takes it once more an hour later only, so it is given another's result here.
    const other = await look.h.post(look.account, "another text", { any_order: true });
    const [first] = look.x.tweets(look.user.id);
    await env.DB.prepare(
      "UPDATE jobs SET state = 'succeeded', open = NULL, finished_at = 1, result = ? WHERE id = ?",
    )
      .bind(JSON.stringify({ tweet_id: first?.id }), other)
      .run();
    await look.h.pass(2 * MINUTE_MS);
    expect(await look.h.job(one)).toMatchObject({ state: "unknown" });
    expect((await look.h.job(one)).result).toBeNull();
  });

  test("one after the other, the first lost: each job has its own tweet, none twice", async () => {
    const look = await lookout();
    look.lose({ kind: "drop", when: "after" });
    const one = await look.post("same words");
    look.h.advance(1);
    const two = await look.post("same words");
    await look.h.pass(10 * MINUTE_MS);
    expect(look.texts()).toEqual(["same words"]);
    expect(await look.h.job(one)).toMatchObject({ state: "succeeded" });
    expect(await look.h.job(two)).toMatchObject({ state: "failed" });
    expect(JSON.parse((await look.h.job(two)).error ?? "")).toMatchObject({ code: "x_duplicate" });
  });
});

test("a Worker that died while it posted leaves what it posted to be found", async () => {
  const look = await lookout();
  const id = await look.post("died");
  // Its claim is written, and X has taken the tweet; then nobody hears of it.
  await look.x.fetch(
    new Request("https://x.test/2/tweets", {
      method: "POST",
      headers: { authorization: `Bearer ${await tokenOf(look)}`, "content-type": "application/json" },
      body: JSON.stringify({ text: "died" }),
    }),
  );
  await look.h.crash(`tweets:${look.account}`);
  await look.h.pass(2 * MINUTE_MS);
  expect(await look.h.job(id)).toMatchObject({ state: "succeeded", losses: 1, crashes: 1 });
  expect(look.texts()).toEqual(["died"]);
});

const tokenOf = async ({ h, account }: Awaited<ReturnType<typeof lookout>>) =>
  (await h.consumer.tokens.access(account, 1, (await h.account_row(account)).token)) ?? "";

test.each([90, -90])("X's clock, %i s off ours, does not hide what X took", async (off_s) => {
  const look = await lookout({ x_clock_ms: off_s * SECOND_MS });
  look.lose({ kind: "drop", when: "after" });
  const id = await look.post("clocks");
  await look.h.pass(10 * SECOND_MS);
  expect(await look.h.job(id)).toMatchObject({ state: "succeeded" });
});
