import { describe, expect, test } from "vitest";
import { again, wait } from "#core/lib/outcome";
import type { JobRow } from "#core/store/jobs";
import { env } from "cloudflare:workers";
import * as jobs from "#core/store/jobs";
import { createHarness, rate, refused, tweeted, type Harness } from "../../support/harness.ts";
import { scriptedKind, withKinds } from "../../support/kinds.ts";

const SECOND = 1000;
const codeOf = (job: JobRow): unknown => (JSON.parse(job.error ?? "null") as { code?: string } | null)?.code;

/** What X does when it acted and its answer never comes. */
const silence = () => new Promise<never>(() => undefined);

describe("X's window is used up", () => {
  test("the tweet waits for the reset, is posted once after it, and keeps its attempts; other jobs are not touched", async () => {
    const h = await createHarness();
    const account = await h.account();
    const first = await h.post(account, "first");
    h.advance(1);
    const second = await h.post(account, "second");
    const untouched = await h.job(second);
    h.answer(() => refused(429, "Too Many Requests", rate(h.now(), 0, 900)));
    await h.turn();
    expect(await h.job(first)).toMatchObject({ state: "waiting", attempts: 0, maybe_sent: 0 });
    expect(codeOf(await h.job(first))).toBe("x_rate_limited");
    expect(await h.job(second)).toEqual(untouched);
    const reset = Math.floor(h.now() / 1000) * 1000 + 901 * SECOND + (h.now() % 1000);
    expect(await h.lane(`tweets:${account}`)).toMatchObject({ next_at: reset, lease: null });

    h.answer(() => tweeted());
    await h.pass(reset - h.now() - 1);
    expect(h.posted()).toEqual(["first"]);
    expect(await h.job(second)).toEqual(untouched);
    await h.pass(1);
    expect(h.posted()).toEqual(["first", "first", "second"]);
    expect(await h.job(first)).toMatchObject({ state: "succeeded", attempts: 1 });
  });

  test("another account is not slowed", async () => {
    const h = await createHarness();
    const [limited, other] = [await h.account(), await h.account()];
    await h.post(limited, "limited");
    h.answer(() => refused(429, "Too Many Requests", rate(h.now(), 0, 900)));
    await h.turn();
    h.answer(() => tweeted());
    await h.post(other, "other");
    await h.turn();
    expect(h.posted()).toEqual(["limited", "other"]);
  });

  test("without headers it is asked again after 30 s, doubling to 15 minutes", async () => {
    const h = await createHarness();
    await h.post(await h.account(), "patient");
    const began = h.now();
    h.answer(() => refused(429, "Too Many Requests"));
    await h.pass(3600 * SECOND);
    const at = h.calls.map((call) => (call.at - began) / SECOND);
    const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    expect(waits.slice(0, 7)).toEqual([30, 60, 120, 240, 480, 900, 900]);
  });

  test("a window with a known end does not make later backoffs longer", async () => {
    const h = await createHarness();
    await h.post(await h.account(), "tweet");
    h.answer(() => refused(429, "Too Many Requests", rate(h.now(), 0, 300)));
    await h.pass(1000 * SECOND);
    expect(h.calls).toHaveLength(4);
    h.answer(() => refused(429, "Too Many Requests"));
    await h.pass(300 * SECOND);
    const [unknown, next] = h.calls.slice(4);
    expect((next?.at ?? 0) - (unknown?.at ?? 0)).toBe(30 * SECOND);
  });

  test("a reset that has passed counts as none", async () => {
    const h = await createHarness();
    const account = await h.account();
    await h.post(account, "tweet");
    const { date: _, ...headers } = rate(h.now(), 0, -10);
    h.answer(() => refused(429, "Too Many Requests", headers));
    await h.pass(100 * SECOND);
    expect(h.calls.map(({ at }) => (at - (h.calls[0]?.at ?? 0)) / SECOND)).toEqual([0, 30, 90]);
  });
});

test("402 closes the app's gate for all its accounts, and for no other app's", async () => {
  const h = await createHarness();
  const [one, two, other] = [await h.account(), await h.account(), await h.account({ app: "app_other" })];
  const id = await h.post(one, "one");
  h.answer(() => refused(402, "no credits"));
  await h.turn();
  expect(await h.job(id)).toMatchObject({ state: "waiting", attempts: 0 });
  expect(await h.gate("app:app_default")).toMatchObject({
    reason: "credits_depleted",
    open_at: h.now() + 300 * SECOND,
  });
  h.answer(() => tweeted());
  await h.post(two, "two");
  await h.post(other, "other");
  await h.turn();
  expect(h.posted()).toEqual(["one", "other"]);
  await h.pass(300 * SECOND);
  expect(h.posted().sort()).toEqual(["one", "one", "other", "two"]);
});

test("an app without credits is tried by one lane, and while X says no by no other; then all go on, and nothing is lost", async () => {
  const h = await createHarness({ concurrency: 10 });
  const ids: string[] = [];
  for (let i = 0; i < 10; i++) ids.push(await h.post(await h.account(), `tweet ${i}`));
  h.answer(() => refused(402, "no credits"));
  await h.pass(1_000);
  const met = h.calls.length;
  await h.pass(290 * SECOND);
  expect(h.calls).toHaveLength(met);
  await h.pass(240 * SECOND);
  expect(h.calls).toHaveLength(met + 1);
  await h.pass(300 * SECOND);
  expect(h.calls).toHaveLength(met + 2);
  let answered = 0;
  h.answer(() => {
    answered++;
    return tweeted();
  });
  await h.pass(600 * SECOND);
  expect(answered).toBe(10);
  for (const id of ids) expect(await h.job(id)).toMatchObject({ state: "succeeded", attempts: 1 });
  expect(await h.gate("app:app_default")).toMatchObject({ faults: 0 });
});

test("a look waits for an app without credits too, and one of them tries it", async () => {
  const h = await createHarness({ concurrency: 10 });
  const accounts = [await h.account(), await h.account(), await h.account()];
  for (const account of accounts) await h.post(account, "unclear");
  h.answer(() => refused(503, "over capacity"));
  await h.turn();
  h.answer(() => refused(402, "no credits"));
  await h.pass(6 * SECOND);
  const met = h.calls.length;
  await h.pass(330 * SECOND);
  expect(h.calls.slice(met).filter(({ method }) => method === "GET")).toHaveLength(1);
});

describe("what X says of an app's day", () => {
  const day = (h: { now: () => number }, limit: number, remaining: number) => ({
    date: new Date(h.now()).toUTCString(),
    "x-app-limit-24hour-limit": String(limit),
    "x-app-limit-24hour-remaining": String(remaining),
    "x-app-limit-24hour-reset": String(Math.floor(h.now() / 1000) + 3600),
  });

  test("goes before what is configured, is never overrun, and ends with X's reset", async () => {
    const h = await createHarness({ app_windows: { "POST /2/tweets": 10_000 } });
    const accounts = [await h.account(), await h.account()];
    for (const account of accounts)
      for (let i = 0; i < 10; i++) {
        h.advance(1);
        await h.post(account, `tweet ${i}`);
      }
    // Others have used three of it.
    let used = 3;
    h.answer(() => {
      used++;
      if (used > 17) return refused(429, "Too Many Requests", day(h, 17, 0));
      const answer = tweeted();
      for (const [name, value] of Object.entries(day(h, 17, 17 - used))) answer.headers.set(name, value);
      return answer;
    });
    await h.pass(1000);
    const name = "app:app_default:POST /2/tweets";
    const row = await env.DB.prepare("SELECT * FROM allowances WHERE name = ?").bind(name).first();
    expect(row).toMatchObject({ limit: 17, used: 17 });
    expect(h.posted()).toHaveLength(14);
    h.answer(() => tweeted());
    await h.pass(3400 * SECOND);
    expect(h.posted()).toHaveLength(14);
    await h.pass(500 * SECOND);
    expect(h.posted()).toHaveLength(20);
  });

  test("that is more than is configured lets out more", async () => {
    const h = await createHarness({ app_windows: { "POST /2/tweets": 2 } });
    const account = await h.account();
    for (let i = 0; i < 5; i++) {
      h.advance(1);
      await h.post(account, `tweet ${i}`);
    }
    let used = 0;
    h.answer(() => {
      const answer = tweeted();
      for (const [name, value] of Object.entries(day(h, 100, 100 - ++used))) answer.headers.set(name, value);
      return answer;
    });
    await h.pass(300 * SECOND);
    expect(h.posted()).toHaveLength(5);
  });
});

test("one outage met by many lanes at once is one failure of the app's gate", async () => {
  const h = await createHarness({ concurrency: 4 });
  for (let i = 0; i < 4; i++) await h.post(await h.account(), `tweet ${i}`);
  h.answer(() => refused(403, "This endpoint is forbidden: Your app permissions do not allow this"));
  await h.turn();
  expect(h.calls).toHaveLength(4);
  expect(await h.gate("app:app_default")).toMatchObject({ open_at: h.now() + 30 * SECOND });
});

test("401 closes the account's gate, for that account alone", async () => {
  const h = await createHarness();
  const [one, two] = [await h.account(), await h.account()];
  const id = await h.post(one, "one");
  h.answer(() => refused(401, "Unauthorized"));
  await h.turn();
  expect(await h.job(id)).toMatchObject({ state: "waiting", attempts: 0 });
  expect(await h.gate(`account:${one}`)).toMatchObject({
    reason: "refreshing",
    open_at: h.now() + 30 * SECOND,
  });
  h.answer(() => tweeted());
  await h.remove(one, "1");
  await h.post(two, "two");
  await h.turn();
  expect(h.posted()).toEqual(["one", "two"]);
  expect(h.calls).toHaveLength(2);
});

test("an account without a token waits and spends no attempt", async () => {
  const h = await createHarness();
  const account = await h.account();
  const id = await h.post(account, "tweet");
  await env.DB.prepare("UPDATE accounts SET token = NULL WHERE id = ?").bind(account).run();
  await h.turn();
  expect(h.calls).toEqual([]);
  expect(await h.job(id)).toMatchObject({ state: "waiting", attempts: 0, maybe_sent: 0 });
  expect(await h.gate(`account:${account}`)).toMatchObject({ reason: "reconnect" });
});

describe("nobody knows whether X acted", () => {
  const unclear: [string, (h: Harness) => void][] = [
    [
      "X does not answer in time",
      (h) => {
        h.answer(silence);
      },
    ],
    [
      "X says 503",
      (h) => {
        h.answer(() => refused(503, "over capacity"));
      },
    ],
    [
      "X says 500",
      (h) => {
        h.answer(() => new Response("<html>", { status: 500 }));
      },
    ],
    [
      "the connection breaks",
      (h) => {
        h.answer(() => Promise.reject(new Error("connection reset")));
      },
    ],
    [
      "X says 201 without an id",
      (h) => {
        h.answer(() => Response.json({ data: {} }, { status: 201 }));
      },
    ],
    [
      "X says 200 with half a body",
      (h) => {
        h.answer(() => new Response('{"data":{"id":"1', { status: 200 }));
      },
    ],
  ];

  test.each(unclear)(
    "%s: a tweet is unknown, and neither it nor what is behind it is posted before X was looked at",
    async (_, misbehave) => {
      const h = await createHarness({ call_ms: 30 });
      const account = await h.account();
      const id = await h.post(account, "once");
      misbehave(h);
      await h.turn();
      expect(await h.job(id)).toMatchObject({ state: "unknown", open: 1, maybe_sent: 2, finished_at: null });
      h.answer(() => tweeted());
      h.advance(1);
      await h.post(account, "next");
      await h.pass(3600 * SECOND);
      expect(h.posted()).toEqual(["once"]);
      expect(await h.job(id)).toMatchObject({ state: "unknown", losses: 1 });
    },
  );

  test.each(unclear)("%s: a deletion is tried again", async (_, misbehave) => {
    const h = await createHarness({ call_ms: 30 });
    const id = await h.remove(await h.account(), "1");
    misbehave(h);
    await h.turn();
    expect(await h.job(id)).toMatchObject({ state: "waiting", attempts: 1, open: 1, maybe_sent: 0 });
    h.answer(() => Response.json({ data: { deleted: true } }));
    await h.pass(60 * SECOND);
    expect(await h.job(id)).toMatchObject({ state: "succeeded", attempts: 2 });
  });
});

describe("a throw that is no refusal is a bug", () => {
  const broken = (repeatable: boolean) =>
    scriptedKind({ repeatable, run: () => Promise.reject(new TypeError("x is not a function")) });

  test("a kind that may be repeated is tried again until its attempts are used up, then it is dead", async () => {
    const kind = broken(true);
    const h = await createHarness({ kinds: withKinds(kind) });
    const id = await h.post(await h.account(), "", { kind });
    await h.turn();
    expect(await h.job(id)).toMatchObject({ state: "waiting", attempts: 1 });
    expect(codeOf(await h.job(id))).toBe("internal");
    await h.pass(600 * SECOND);
    expect(await h.job(id)).toMatchObject({
      state: "dead",
      attempts: 3,
      open: null,
      finished_at: expect.any(Number) as number,
    });
    expect(codeOf(await h.job(id))).toBe("attempts_exhausted");
    expect(h.logged("job.broke")).toHaveLength(3);
  });

  test("a kind that may not is unknown: it may have acted before it broke", async () => {
    const kind = broken(false);
    const h = await createHarness({ kinds: withKinds(kind) });
    const id = await h.post(await h.account(), "", { kind });
    await h.pass(600 * SECOND);
    expect(await h.job(id)).toMatchObject({ state: "unknown", attempts: 1, open: null, maybe_sent: 2 });
    expect(h.logged("job.broke")).toHaveLength(1);
  });

  test("a token that cannot be read costs no attempt: the account waits, and backs off while it lasts", async () => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.post(account, "tweet");
    const access = () => Promise.reject(new Error("KV is not there"));
    await h.turn({ ...h.consumer, tokens: { access } });
    expect(await h.job(id)).toMatchObject({ state: "waiting", attempts: 0, maybe_sent: 0 });
    expect(await h.gate(`account:${account}`)).toMatchObject({
      reason: "token_unavailable",
      open_at: h.now() + 30 * SECOND,
    });
    await h.pass(30 * SECOND);
    expect(h.posted()).toEqual(["tweet"]);
  });
});

describe("a job this version cannot read is dead and never run", () => {
  test.each([
    ["params of another shape", `UPDATE jobs SET params = '{"surprise":1}'`],
    ["an unknown kind", "UPDATE jobs SET kind = 'tweet.sing'"],
  ])("%s", async (_, change) => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.post(account, "odd");
    await env.DB.prepare(change).run();
    h.advance(1);
    await h.post(account, "next");
    await h.turn();
    expect(await h.job(id)).toMatchObject({ state: "dead", open: null });
    expect(codeOf(await h.job(id))).toBe("unreadable");
    expect(h.posted()).toEqual(["next"]);
  });
});

test("X's no ends a job as failed, with X's own words", async () => {
  const h = await createHarness();
  const account = await h.account();
  const id = await h.post(account, "again and again");
  h.answer(() => refused(403, "You are not allowed to create a Tweet with duplicate content."));
  await h.turn();
  const job = await h.job(id);
  expect(job).toMatchObject({ state: "failed", attempts: 1, maybe_sent: 0 });
  expect(JSON.parse(job.error ?? "")).toMatchObject({
    code: "x_duplicate",
    source: "x",
    upstream: { status: 403, detail: expect.stringContaining("duplicate") as string },
  });
});

describe("a running job that is asked to stop", () => {
  const cancelDuring = async (h: Harness, id: string) => {
    await jobs.requestCancel(env.DB, h.clientId, id).run();
  };

  test.each([
    ["pauses for its gate", () => wait({ scope: "account" }, "locked")],
    [
      "would be tried again",
      () => {
        throw new Error("broken");
      },
    ],
    ["has made progress", () => again({ step: 1 }, 0)],
  ])("is canceled when it %s", async (_, end) => {
    let id = "";
    const kind = scriptedKind({
      run: async () => {
        await cancelDuring(h, id);
        return end();
      },
    });
    const h = await createHarness({ kinds: withKinds(kind) });
    id = await h.post(await h.account(), "", { kind });
    await h.turn();
    expect(await h.job(id)).toMatchObject({
      state: "canceled",
      open: null,
      finished_at: h.now(),
      next_attempt_at: null,
    });
  });

  test("is done all the same when X did it", async () => {
    const h = await createHarness();
    const id = await h.post(await h.account(), "too late");
    h.answer(async () => {
      await cancelDuring(h, id);
      return tweeted();
    });
    await h.turn();
    expect(await h.job(id)).toMatchObject({ state: "succeeded" });
  });

  test("stays unknown when nobody knows whether X did it", async () => {
    const h = await createHarness();
    const id = await h.post(await h.account(), "who knows");
    h.answer(async () => {
      await cancelDuring(h, id);
      return refused(503, "over capacity");
    });
    await h.turn();
    expect(await h.job(id)).toMatchObject({ state: "unknown", open: 1, cancel_requested: 1 });
    h.answer(({ method }) => (method === "GET" ? Response.json({ meta: { result_count: 0 } }) : tweeted()));
    await h.pass(180 * SECOND);
    expect(await h.job(id)).toMatchObject({ state: "canceled" });
    expect(h.posted()).toEqual(["who knows"]);
  });
});

test("a job remembers each of its runs", async () => {
  let runs = 0;
  const kind = scriptedKind({
    run: async () => (++runs < 25 ? again(null, 1) : { type: "done", result: null }),
  });
  const h = await createHarness({ kinds: withKinds(kind) });
  const id = await h.post(await h.account(), "", { kind });
  await h.pass(60 * SECOND);
  const log = JSON.parse((await h.job(id)).log) as { outcome: string }[];
  expect(log).toMatchObject([{ outcome: "again", times: 24 }, { outcome: "done" }]);
});
