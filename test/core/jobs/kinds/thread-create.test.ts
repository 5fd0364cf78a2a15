import { describe, expect, test } from "vitest";
import { threadCreate } from "#core/jobs/kinds/thread-create";
import { MINUTE_MS } from "#core/lib/clock";
import type { FaultRule } from "../../../../simulator/simulator.ts";
import { NO, SAID, threading } from "../../../support/threads.ts";

const HOUR_MS = 60 * MINUTE_MS;

/** The thread broken at each of its tweets. */
const at = SAID.map((text, index) => ({ text, index, before: SAID.slice(0, index) }));

describe("a thread that nothing stands in the way of", () => {
  test("goes out in one turn, each tweet replying to the one before, and lists its ids in order", async () => {
    const t = await threading();
    const id = await t.post();
    await t.h.turn();
    const job = await t.h.job(id);
    expect(job).toMatchObject({ state: "succeeded", attempts: 1, error: null });
    expect(t.standing()).toEqual(SAID);
    expect(t.isChain(job)).toBe(true);
    const [first] = t.x.tweets(t.user.id);
    expect(t.result(job)).toEqual({
      tweet_ids: t.x.tweets(t.user.id).map(({ id }) => id),
      url: `https://x.com/i/web/status/${first?.id}`,
    });
    expect(t.h.calls).toHaveLength(5);
  });
});

describe("what X may have posted is looked for at the tweet that is unclear, and posted once", () => {
  const unclear: [string, FaultRule["fault"]][] = [
    ["X says 503 and has posted it", { kind: "error", status: 503, when: "after" }],
    ["X says 503 and has not", { kind: "error", status: 503, when: "before" }],
    ["the connection breaks after it was posted", { kind: "drop", when: "after" }],
    ["the connection breaks before it was", { kind: "drop", when: "before" }],
    ["X says 201 with nothing", { kind: "empty", status: 201, when: "after" }],
  ];
  test.each(at.flatMap((where) => unclear.map(([name, fault]) => ({ ...where, name, fault }))))(
    "$text: $name",
    async ({ text, before, fault }) => {
      const t = await threading();
      t.fault(text, fault);
      const id = await t.post({ on_partial: "delete" });
      await t.h.turn();
      const lost = await t.h.job(id);
      expect(lost).toMatchObject({ state: "unknown", open: 1, maybe_sent: 2, losses: 1 });
      expect(t.result(lost)?.tweet_ids ?? []).toHaveLength(before.length);
      await t.h.pass(5 * MINUTE_MS);
      const job = await t.h.job(id);
      expect(job).toMatchObject({ state: "succeeded", error: null });
      expect(t.made()).toEqual(SAID);
      expect(t.isChain(job)).toBe(true);
    },
  );
});

describe.each(at)("a thread of five that X refuses at $text", ({ text, index, before }) => {
  test("fails with what is posted, and a retry goes on from there (resume)", async () => {
    const t = await threading();
    t.fault(text, NO);
    const id = await t.post();
    await t.h.pass(MINUTE_MS);
    const job = await t.h.job(id);
    expect(job).toMatchObject({ state: "failed", open: null, attempts: 1 });
    expect(JSON.parse(job.error ?? "")).toMatchObject({ code: "x_forbidden" });
    expect(t.result(job)?.tweet_ids ?? []).toHaveLength(index);
    expect(t.standing()).toEqual(before);
    await t.retry(id);
    await t.h.pass(MINUTE_MS);
    const again = await t.h.job(id);
    expect(again).toMatchObject({ state: "succeeded", error: null });
    expect(t.made()).toEqual(SAID);
    expect(t.isChain(again)).toBe(true);
  });

  test("goes on with other tweets if they are changed before the retry", async () => {
    const t = await threading();
    t.fault(text, NO);
    const id = await t.post();
    await t.h.pass(MINUTE_MS);
    const other = [...before, "anew", "and an end"];
    await t.amend(id, other);
    await t.retry(id);
    await t.h.pass(MINUTE_MS);
    const job = await t.h.job(id);
    expect(job).toMatchObject({ state: "succeeded", error: null });
    expect(t.made()).toEqual(other);
    expect(t.isChain(job)).toBe(true);
  });

  test("holds what comes behind it until it is retried, and then goes out before it (hold)", async () => {
    const t = await threading();
    t.fault(text, NO);
    const id = await t.post({ on_partial: "hold" });
    t.h.advance(1);
    const behind = await t.h.post(t.account, "behind it");
    await t.h.pass(HOUR_MS);
    expect(await t.h.job(id)).toMatchObject({ state: "failed" });
    expect(t.standing()).toEqual(before);
    expect(await t.h.job(behind)).toMatchObject({ state: "queued" });
    expect(await t.h.gate(`thread:${t.account}`)).toMatchObject({ reason: "thread_held", held_by: id });
    await t.retry(id);
    await t.h.pass(MINUTE_MS);
    expect(await t.h.job(id)).toMatchObject({ state: "succeeded" });
    expect(await t.h.job(behind)).toMatchObject({ state: "succeeded" });
    expect(t.made()).toEqual([...SAID, "behind it"]);
    expect(await t.h.gate(`thread:${t.account}`)).toBeNull();
  });

  test("is taken back, the last tweet first, and then has failed; a retry begins anew (delete)", async () => {
    const t = await threading();
    t.fault(text, NO);
    const id = await t.post({ on_partial: "delete" });
    t.h.advance(1);
    const behind = await t.h.post(t.account, "behind it");
    await t.h.pass(MINUTE_MS);
    const job = await t.h.job(id);
    expect(job).toMatchObject({ state: "failed", open: null, maybe_sent: 0 });
    expect(JSON.parse(job.error ?? "")).toMatchObject({ code: "x_forbidden", upstream: { status: 403 } });
    expect(t.standing()).toEqual(["behind it"]);
    expect(await t.h.job(behind)).toMatchObject({ state: "succeeded" });
    const ids = t.x.tweets(t.user.id).map((tweet) => tweet.id);
    const deletes = t.h.calls.filter(({ method }) => method === "DELETE").map(({ path }) => path);
    expect(deletes).toEqual(
      ids
        .slice(0, index)
        .reverse()
        .map((one) => `/2/tweets/${one}`),
    );
    if (index > 0)
      expect(t.result(job)).toEqual({ tweet_ids: [], url: null, deleted_ids: ids.slice(0, index) });
    await t.retry(id);
    await t.h.pass(MINUTE_MS);
    expect(await t.h.job(id)).toMatchObject({ state: "succeeded" });
    expect(t.standing()).toEqual(["behind it", ...SAID]);
  });
});

describe("X's windows", () => {
  const limited = (requests: number, window = 900) => ({ user: [requests, window] as [number, number] });

  test("close in the middle of a thread, which waits and goes on, and nothing gets between", async () => {
    const t = await threading();
    t.x.setSettings({ limits: { "POST /2/tweets": limited(3) } });
    const id = await t.post();
    t.h.advance(1);
    const behind = await t.h.post(t.account, "behind it");
    await t.h.pass(10 * MINUTE_MS);
    const waiting = await t.h.job(id);
    expect(waiting).toMatchObject({ state: "waiting", attempts: 0, maybe_sent: 0 });
    expect(t.result(waiting)?.tweet_ids).toHaveLength(3);
    expect(t.h.calls).toHaveLength(3);
    await t.h.pass(20 * MINUTE_MS);
    expect(await t.h.job(id)).toMatchObject({ state: "succeeded" });
    expect(await t.h.job(behind)).toMatchObject({ state: "succeeded" });
    expect(t.made()).toEqual([...SAID, "behind it"]);
    expect(t.h.calls).toHaveLength(6);
  });

  test("of deletes are kept to while a thread is taken back, also past its time to be sent", async () => {
    const t = await threading();
    t.x.setSettings({ limits: { "DELETE /2/tweets/:id": limited(2) } });
    t.fault("five", NO);
    const id = await t.post({ on_partial: "delete", expires_at: t.h.now() + 5 * MINUTE_MS });
    await t.h.pass(10 * MINUTE_MS);
    const waiting = await t.h.job(id);
    expect(waiting).toMatchObject({ state: "waiting", open: 1 });
    expect(t.standing()).toEqual(["one", "two"]);
    expect(t.result(waiting)?.tweet_ids).toHaveLength(2);
    await t.h.pass(10 * MINUTE_MS);
    expect(await t.h.job(id)).toMatchObject({ state: "failed" });
    expect(t.standing()).toEqual([]);
    expect(t.h.calls.filter(({ method }) => method === "DELETE")).toHaveLength(4);
  });
});

describe("each tweet has its own attempts", () => {
  test("so a thread of which every second call is lost is not exhausted by its length", async () => {
    const t = await threading();
    let calls = 0;
    t.h.answer((call, request) => {
      const isLost = call.method === "POST" && ++calls % 2 === 1;
      return isLost ? Promise.reject(new TypeError("gone")) : t.x.fetch(request);
    });
    const id = await t.post({ max_attempts: 2 });
    await t.h.pass(HOUR_MS);
    expect(await t.h.job(id)).toMatchObject({ state: "succeeded", attempts: 2 });
    expect(t.made()).toEqual(SAID);
  });

  test("one whose attempts are used up is parked with the others posted, and goes on when a person says what became of it", async () => {
    const t = await threading();
    t.fault("three", { kind: "drop", when: "before" }, 99);
    const id = await t.post({ max_attempts: 2 });
    await t.h.pass(HOUR_MS);
    const job = await t.h.job(id);
    expect(job).toMatchObject({ state: "unknown", open: null, attempts: 2 });
    expect(t.result(job)?.tweet_ids).toHaveLength(2);
    const { params } = threadCreate;
    const input = {
      params: params.parse(JSON.parse(job.params)),
      checkpoint: JSON.parse(job.checkpoint ?? "") as unknown,
    };
    const found = threadCreate.found?.("42", input);
    expect(found).toMatchObject({
      type: "again",
      step: true,
      result: { tweet_ids: [...(t.result(job)?.tweet_ids ?? []), "42"] },
    });
  });
});

describe("a client that cancels", () => {
  test("in the middle of a thread is heard at its next pause, and the result shows what is posted", async () => {
    const t = await threading();
    const id = await t.post();
    t.h.answer(async (call, request) => {
      const answer = await t.x.fetch(request);
      if ((call.body as { text: string }).text === "two") await t.requestCancel(id);
      return answer;
    });
    await t.h.pass(MINUTE_MS);
    const job = await t.h.job(id);
    expect(job).toMatchObject({ state: "canceled", open: null });
    expect(t.result(job)?.tweet_ids).toHaveLength(2);
    expect(t.standing()).toEqual(["one", "two"]);
  });
});

describe("what is wrong with a thread is named at its place", () => {
  const account_id = "acc_01KAB3C4D5V1StGXR8Z5jd0";
  const mistakes = (fields: object): string[] =>
    (threadCreate.params.safeParse({ account_id, ...fields }).error?.issues ?? []).map((issue) => {
      const code = issue.code === "custom" ? (issue.params as { code: string }).code : issue.code;
      return `${issue.path.join("/")} ${code}`;
    });
  const many = (count: number) => Array.from({ length: count }, (_, index) => ({ text: `tweet ${index}` }));

  test.each([
    ["a single tweet", { tweets: many(1) }, ["tweets too_small"]],
    ["a hundred and one", { tweets: many(101) }, ["tweets too_big"]],
    ["no list", { tweets: 7 }, ["tweets invalid_type"]],
    ["no tweet in it", { tweets: [{ text: "a" }, null] }, ["tweets/1 invalid_type"]],
    [
      "an edit",
      { tweets: [{ text: "a", edit_options: { previous_post_id: "1" } }, { text: "b" }] },
      ["tweets/0 unrecognized_keys"],
    ],
    [
      "another account",
      { tweets: [{ text: "a" }, { text: "b", account_id }] },
      ["tweets/1 unrecognized_keys"],
    ],
    ["another end", { tweets: many(2), on_partial: "stop" }, ["on_partial invalid_value"]],
    [
      "a target for the second",
      { tweets: [{ text: "a" }, { text: "b", reply_to: "1" }] },
      ["tweets/1/reply_to not_first"],
    ],
    [
      "left-out users without a reply",
      { tweets: [{ text: "a", exclude_reply_user_ids: ["1"] }, { text: "b" }] },
      ["tweets/0/exclude_reply_user_ids dependent"],
    ],
    [
      "all of it at once",
      { tweets: [{ text: "" }, { text: "x".repeat(25_001) }, { text: "c", quote: "1", media: ["2"] }] },
      [
        "tweets/0/text required",
        "tweets/1/text too_long",
        "tweets/2/quote exclusive",
        "tweets/2/media exclusive",
      ],
    ],
  ])("%s", (_, fields, expected) => {
    expect(mistakes(fields)).toEqual(expected);
  });

  test.each([
    ["a hundred tweets", { tweets: many(100) }],
    [
      "a first one that replies and quotes",
      { tweets: [{ text: "a", reply_to: "1", quote: "2" }, { text: "b" }] },
    ],
    [
      "media, and left-out users in a later one",
      { tweets: [{ text: "a" }, { media: ["1"], exclude_reply_user_ids: ["2"] }] },
    ],
  ])("%s may be", (_, fields) => {
    expect(mistakes(fields)).toEqual([]);
  });

  describe("what can be changed of one that stopped short", () => {
    const given = (...texts: string[]) =>
      threadCreate.params.parse({ account_id, tweets: texts.map((text) => ({ text })) });
    const amend = (checkpoint: unknown, ...texts: string[]) =>
      threadCreate
        .amend?.({ params: given("a", "b", "c"), checkpoint }, given(...texts))
        .map(({ pointer, code }) => `${pointer} ${code}`);
    const posted = { tweet_ids: ["1", "2"], deleted_ids: [], refusal: null };

    test("is all of it where nothing is posted", () => {
      expect(amend(null, "x", "y")).toEqual([]);
      expect(amend({ ...posted, tweet_ids: [], deleted_ids: ["2", "1"] }, "x", "y")).toEqual([]);
    });

    test("is what comes behind the posted tweets, of which there must be something", () => {
      expect(amend(posted, "a", "b", "y", "z")).toEqual([]);
      expect(amend(posted, "a", "x", "c")).toEqual(["/tweets/1 immutable"]);
      expect(amend(posted, "b", "a", "c")).toEqual(["/tweets/0 immutable", "/tweets/1 immutable"]);
      expect(amend(posted, "a", "b")).toEqual(["/tweets too_small"]);
    });
  });

  test("what may still be refused by X is warned of, by tweet", () => {
    const tweets = [{ text: "a" }, { text: "x".repeat(281) }, { text: "a " }, { media: ["1"] }];
    const given = threadCreate.params.parse({ account_id, tweets });
    expect(
      threadCreate.warnings?.(given).map(({ code, detail }) => `${code}: ${detail.slice(0, 16)}`),
    ).toEqual(["needs_premium: Tweet 2: Over 28", "duplicate_text: Tweet 3: Like tw"]);
  });
});
