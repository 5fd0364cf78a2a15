import { env } from "cloudflare:workers";
import { Webhook } from "standardwebhooks";
import { Webhook as Svix } from "svix";
import { describe, expect, test, vi } from "vitest";
import { webhookDeliver } from "#core/jobs/kinds/webhook-deliver";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "#core/lib/clock";
import { openRing } from "#core/lib/seal";
import * as deliveries from "#core/store/deliveries";
import * as endpoints from "#core/store/endpoints";
import type { EndpointRow } from "#core/store/endpoints";
import type { EventRow } from "#core/store/events";
import type { JobRow } from "#core/store/jobs";
import { all, first } from "#core/store/sql";
import { endpointGate } from "#core/webhooks/endpoint-health";
import { secretPlace } from "#core/webhooks/secrets";
import { createHarness, refused, TEST_RING, tweeted } from "../../../support/harness.ts";
import { SECRET } from "../../../support/receiver.ts";

const events = () => all<EventRow>(env.DB.prepare("SELECT * FROM events ORDER BY id"));
const sent = () =>
  all<JobRow>(env.DB.prepare("SELECT * FROM jobs WHERE kind = 'webhook.deliver' ORDER BY created_at, id"));
const endpointNow = (row: EndpointRow) => first<EndpointRow>(endpoints.find(env.DB, row.client_id, row.id));

describe("the end of a job", () => {
  test("is told at once to an endpoint that listens, as the API shows the job", async () => {
    const h = await createHarness();
    await h.endpoint(["job.*"]);
    const account = await h.account();
    const id = await h.post(account, "hello", { metadata: { mine: 1 } });
    await h.turn();
    await h.turn();
    expect(h.receiver.posts).toHaveLength(1);
    const [post] = h.receiver.posts;
    const job = await h.job(id);
    expect(post?.body).toMatchObject({
      id: post?.headers["webhook-id"],
      type: "job.succeeded",
      data: {
        id,
        kind: "tweet.create",
        state: "succeeded",
        account_id: account,
        sequence: job.sequence,
        metadata: { mine: 1 },
        result: { tweet_id: expect.any(String) as string },
        warnings: [],
      },
    });
    expect((await sent())[0]).toMatchObject({ state: "succeeded", attempts: 1, account_id: account });
  });

  test("costs no row when nobody listens, and four to six when somebody does", async () => {
    const bill = async (listening: boolean) => {
      const h = await createHarness();
      if (listening) await h.endpoint(["job.*"]);
      const account = await h.account();
      for (let i = 0; i < 100; i++) await h.post(account, `tweet ${i}`);
      const rows = () => h.logged("turn.ended").reduce((sum, line) => sum + (line.rows_written as number), 0);
      for (let i = 0; i < 6; i++) await h.turn();
      expect(h.receiver.posts).toHaveLength(listening ? 100 : 0);
      return rows();
    };
    const [without, with_] = [await bill(false), await bill(true)];
    expect((with_ - without) / 100).toBeLessThanOrEqual(6);
    expect(without / 100).toBeLessThanOrEqual(4.1);
  });

  test.each<[string, (h: Awaited<ReturnType<typeof createHarness>>, account: string) => Promise<unknown>]>([
    ["job.succeeded", (h, account) => h.post(account, "x").then(() => h.turn())],
    [
      "job.failed",
      async (h, account) => {
        h.answer(() => refused(403, "You are not permitted to perform this action."));
        await h.post(account, "x");
        await h.turn();
      },
    ],
    [
      "job.failed",
      async (h, account) => {
        await h.post(account, "late", { expires_at: h.now() + 1000 });
        h.advance(2000);
        await h.turn();
      },
    ],
    [
      "job.dead",
      async (h, account) => {
        h.answer(() => refused(503, "over capacity"));
        await h.remove(account, "12", { max_attempts: 1 });
        await h.turn();
      },
    ],
    [
      "job.dead",
      async (h, account) => {
        await h.remove(account, "12", { max_attempts: 1 });
        await h.crash(`deletes:${account}`);
        await h.tick();
        await h.turn();
      },
    ],
    [
      "job.canceled",
      async (h, account) => h.cancel(await h.post(account, "x", { run_at: h.now() + HOUR_MS })),
    ],
  ])("%s is told, however it comes about", async (type, end) => {
    const h = await createHarness();
    await h.endpoint(["job.*"]);
    await end(h, await h.account());
    expect((await events()).map((event) => event.type)).toEqual([type]);
    h.answer(() => tweeted());
    await h.pass(2 * MINUTE_MS);
    expect(h.receiver.types()).toEqual([type]);
  });

  test("is told to those alone whose filter it passes", async () => {
    const h = await createHarness();
    const [ada, bob] = [await h.account(), await h.account()];
    const url = (name: string) => ({ url: `https://hooks.shop.com/${name}` });
    await h.endpoint(["job.failed", "account.*"], url("other-types"));
    await h.endpoint(["job.succeeded"], { ...url("ada"), account_ids: JSON.stringify([ada]) });
    await h.endpoint(["*"], { ...url("bob"), account_ids: JSON.stringify([bob]) });
    await h.endpoint(["*"], { ...url("disabled"), state: "disabled", disabled_reason: "asked" });
    await h.endpoint(["*"], { url: null });
    await h.post(ada, "x");
    await h.turn();
    await h.turn();
    expect(h.receiver.posts.map((post) => post.url)).toEqual(["https://hooks.shop.com/ada"]);
  });

  test("an event is kept for an endpoint that is only read, or is disabled, and nothing is sent", async () => {
    const h = await createHarness();
    await h.endpoint(["job.*"], { url: null });
    await h.post(await h.account(), "x");
    await h.turn();
    expect(await events()).toHaveLength(1);
    expect(await sent()).toEqual([]);
  });

  test("events sort as they were written, also those of one moment", async () => {
    const h = await createHarness();
    await h.endpoint(["job.*"], { url: null });
    const account = await h.account();
    const ids: string[] = [];
    for (let i = 0; i < 20; i++) ids.push(await h.post(account, `tweet ${i}`));
    await h.turn();
    const told = await events();
    expect(told.map(({ subject }) => subject).sort()).toEqual(ids.sort());
    const ticks = told.map(({ tick }) => tick);
    expect(ticks).toEqual([...ticks].sort((a, b) => a - b));
    expect(new Set(told.map(({ tick }) => tick)).size).toBe(20);
    expect(new Set(told.map(({ created_at }) => created_at)).size).toBe(1);
  });

  test("the snapshot in an event has every column that a job is shown by", async () => {
    const h = await createHarness();
    await h.endpoint(["job.*"], { url: null });
    await h.post(await h.account(), "x");
    await h.turn();
    const columns = await all<{ name: string }>(env.DB.prepare("SELECT name FROM pragma_table_info('jobs')"));
    const inner = [
      "params",
      "checkpoint",
      "carried",
      "lease",
      "crashes",
      "maybe_sent",
      "sent_at",
      "newest_before",
      "looks",
      "losses",
    ];
    const shown = columns.map(({ name }) => name).filter((name) => !inner.includes(name));
    const [event] = await events();
    expect(Object.keys(JSON.parse(event?.data ?? "") as object).sort()).toEqual(shown.sort());
  });
});

describe("a delivery", () => {
  const failing = async (status: number, headers: Record<string, string> = {}) => {
    const h = await createHarness();
    const row = await h.endpoint(["job.*"]);
    h.receiver.answer(() => new Response("no ".repeat(600), { status, headers }));
    await h.post(await h.account(), "x");
    await h.turn();
    await h.turn();
    return { h, row };
  };

  test("is tried eight times within 28 hours, and is dead then", async () => {
    const { h } = await failing(500);
    for (let attempt = 1; attempt < 8; attempt++) {
      h.advance(((await sent())[0]?.due_at ?? 0) - h.now());
      await h.tick();
      await h.turn();
    }
    const at = h.receiver.posts.map((post) => post.at);
    expect(at.slice(1).map((time, i) => Math.round((time - (at[i] ?? 0)) / MINUTE_MS))).toEqual([
      0, 5, 30, 120, 300, 600, 600,
    ]);
    expect(new Set(h.receiver.posts.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect((await sent())[0]).toMatchObject({ state: "dead", attempts: 8 });
  });

  test("keeps the status, the time and the first 1,024 bytes of each answer", async () => {
    const { h } = await failing(503);
    h.receiver.answer(() => new Response("thank you"));
    await h.pass(MINUTE_MS);
    const log = JSON.parse((await sent())[0]?.log ?? "[]") as Record<string, unknown>[];
    expect(log).toEqual([
      expect.objectContaining({
        outcome: "retry",
        status: 503,
        took_ms: 0,
        answer: "no ".repeat(600).slice(0, 1024),
      }),
      expect.objectContaining({ outcome: "done", status: 200, answer: "thank you" }),
    ]);
  });

  test("waits as long as Retry-After says", async () => {
    const { h } = await failing(429, { "retry-after": "3600" });
    h.advance(59 * MINUTE_MS);
    await h.pass(MINUTE_MS / 2);
    expect(h.receiver.posts).toHaveLength(1);
    await h.pass(2 * MINUTE_MS);
    expect(h.receiver.posts).toHaveLength(2);
  });

  test.each([301, 302, 307, 308])("a redirect (%i) is not followed, and is a failure", async (status) => {
    const { h } = await failing(status, { location: "https://169.254.169.254/" });
    expect(h.receiver.posts).toHaveLength(1);
    expect((await sent())[0]).toMatchObject({ state: "waiting" });
  });

  test("goes on alone: what comes after one that fails is not held up", async () => {
    const h = await createHarness();
    await h.endpoint(["job.*"]);
    const account = await h.account();
    const bad = await h.post(account, "bad");
    const ids: string[] = [];
    for (let i = 0; i < 50; i++) ids.push(await h.post(account, `tweet ${i}`));
    h.receiver.answer((post) => new Response(null, { status: post.body.data.id === bad ? 500 : 200 }));
    await h.pass(MINUTE_MS);
    const got = h.receiver.posts.filter(({ body }) => body.data.id !== bad).map(({ body }) => body.data.id);
    expect(got.sort()).toEqual(ids.sort());
  });

  test("is verified by standardwebhooks and by svix, also while the secret is replaced", async () => {
    const h = await createHarness();
    const row = await h.endpoint(["job.*"]);
    vi.useFakeTimers({ now: h.now(), toFake: ["Date"] });
    const ring = await openRing(TEST_RING, "WEBHOOK_KEYS");
    const fresh = `whsec_${btoa("n".repeat(24))}`;
    const sealed = await ring.seal(fresh, secretPlace(row.id));
    await endpoints.rotate(env.DB, row, sealed, h.now() + DAY_MS, h.now()).run();
    await h.post(await h.account(), "Grüße 🌍");
    await h.turn();
    await h.turn();
    const [post] = h.receiver.posts;
    if (!post) throw new Error("nothing came");
    for (const secret of [SECRET, fresh]) {
      expect(new Webhook(secret).verify(post.text, post.headers)).toEqual(post.body);
      expect(() => {
        new Svix(secret).verify(post.text, post.headers);
      }).not.toThrow();
    }
    const other = `whsec_${btoa("x".repeat(24))}`;
    expect(() => new Webhook(other).verify(post.text, post.headers)).toThrow();
    expect(() => {
      new Svix(other).verify(post.text, post.headers);
    }).toThrow();
    expect(() => new Webhook(SECRET).verify(`${post.text} `, post.headers)).toThrow();
    h.advance(DAY_MS + 1);
    vi.setSystemTime(h.now());
    await h.post(await h.account(), "a day later");
    await h.turn();
    await h.turn();
    const late = h.receiver.posts[1];
    if (!late) throw new Error("nothing came");
    expect(() => new Webhook(SECRET).verify(late.text, late.headers)).toThrow();
    expect(new Webhook(fresh).verify(late.text, late.headers)).toEqual(late.body);
    vi.useRealTimers();
  });

  test("of an event whose endpoint was deleted fails without a call", async () => {
    const h = await createHarness();
    const row = await h.endpoint(["job.*"]);
    await h.post(await h.account(), "x");
    await h.turn();
    await endpoints.remove(env.DB, row).run();
    await h.turn();
    expect(h.receiver.posts).toEqual([]);
    const [delivery] = await sent();
    expect(delivery).toMatchObject({ state: "failed" });
    expect(JSON.parse(delivery?.error ?? "{}")).toMatchObject({ code: "endpoint_gone" });
  });

  test("to an address that is not public any more fails without a call", async () => {
    const h = await createHarness();
    await h.endpoint(["job.*"], { url: "http://127.0.0.1:9000/" });
    await h.post(await h.account(), "x");
    await h.turn();
    await h.turn();
    expect(h.receiver.posts).toEqual([]);
    expect((await sent())[0]).toMatchObject({ state: "failed" });
  });

  test("says in its kind what the database writes into it", async () => {
    const h = await createHarness();
    await h.endpoint(["job.*"]);
    await h.post(await h.account(), "x");
    await h.turn();
    const [delivery] = await sent();
    expect(delivery?.max_attempts).toBe(webhookDeliver.backoff.attempts);
    expect(webhookDeliver.params.parse(JSON.parse(delivery?.params ?? ""))).toBeDefined();
    expect(delivery?.lane.startsWith(`webhook:${h.clientId}:whe_`)).toBe(true);
  });
});

describe("an endpoint", () => {
  test("that says 410 is disabled at once, with an event, and what waits is kept until it is enabled", async () => {
    const h = await createHarness();
    const row = await h.endpoint(["job.*"]);
    await h.endpoint(["endpoint.*"], { url: "https://hooks.shop.com/watch" });
    h.receiver.answer(({ url }) => new Response(null, { status: url.endsWith("/x") ? 410 : 200 }));
    await h.post(await h.account(), "x");
    await h.pass(2 * MINUTE_MS);
    expect(await endpointNow(row)).toMatchObject({ state: "disabled", disabled_reason: "gone" });
    expect(h.receiver.types()).toEqual(["job.succeeded", "endpoint.disabled"]);
    expect(h.receiver.posts[1]?.body.data).toMatchObject({
      id: row.id,
      state: "disabled",
      disabled_reason: "gone",
    });
    expect(await h.gate(endpointGate(row))).toMatchObject({ reason: "endpoint_disabled" });
    await h.post(await h.account(), "y");
    await h.pass(2 * MINUTE_MS);
    expect(h.receiver.posts).toHaveLength(2);
  });

  test("that fails for five days is disabled, with a warning a day after it began", async () => {
    const h = await createHarness();
    const row = await h.endpoint(["job.*"]);
    await h.endpoint(["endpoint.*"], { url: "https://hooks.shop.com/watch" });
    h.receiver.answer(({ url }) => new Response(null, { status: url.endsWith("/x") ? 500 : 200 }));
    const account = await h.account({ expires_in_ms: 30 * DAY_MS });
    const watched = () =>
      h.receiver.posts.filter(({ url }) => url.endsWith("/watch")).map(({ body }) => body.type);
    for (let day = 0; day < 7; day++) {
      await h.post(account, `day ${day}`);
      for (let hour = 0; hour < 24; hour++) {
        h.advance(HOUR_MS);
        await h.tick();
        await h.turn();
      }
      if (day === 0) expect(watched()).toEqual([]);
      if (day === 3) expect(watched()).toEqual(["endpoint.failing"]);
    }
    expect(watched()).toEqual(["endpoint.failing", "endpoint.disabled"]);
    expect(await endpointNow(row)).toMatchObject({ state: "disabled", disabled_reason: "failing" });
  });

  test("that recovers is as good as new", async () => {
    const h = await createHarness();
    const row = await h.endpoint(["job.*"]);
    h.receiver.answer(() => new Response(null, { status: 500 }));
    await h.post(await h.account(), "x");
    await h.turn();
    await h.turn();
    expect((await endpointNow(row))?.failing_since).toBe(h.now());
    h.receiver.answer(() => new Response(null));
    await h.pass(MINUTE_MS);
    expect((await endpointNow(row))?.failing_since).toBeNull();
  });

  test("that fails five events in a row is left alone, and probed with one", async () => {
    const h = await createHarness();
    const row = await h.endpoint(["job.*"]);
    h.receiver.answer(() => new Response(null, { status: 500 }));
    const account = await h.account();
    for (let i = 0; i < 200; i++) await h.post(account, `tweet ${i}`);
    await h.pass(25_000);
    const before = h.receiver.posts.length;
    expect(await h.gate(endpointGate(row))).toMatchObject({ reason: "endpoint_failing", faults: 10 });
    expect(before).toBeLessThan(30);
    await h.pass(10 * MINUTE_MS);
    // 30 s, 1, 2 and 4 minutes after each other.
    expect(h.receiver.posts.length - before).toBeLessThanOrEqual(6);
    h.receiver.answer(() => new Response(null));
    for (let round = 0; round < 12; round++) {
      h.advance(10 * MINUTE_MS);
      await h.tick();
      await h.turn();
    }
    expect(new Set(h.receiver.posts.map(({ headers }) => headers["webhook-id"])).size).toBe(200);
    expect((await sent()).every(({ state }) => state === "succeeded")).toBe(true);
  });

  test("is sent at most sixteen events at once, and what is about one job one after the other", async () => {
    const h = await createHarness({ concurrency: 100 });
    await h.endpoint(["job.*"]);
    const account = await h.account();
    for (let i = 0; i < 100; i++) await h.post(account, `tweet ${i}`);
    let [now, most] = [0, 0];
    h.receiver.answer(async () => {
      most = Math.max(most, ++now);
      await scheduler.wait(5);
      now--;
      return new Response();
    });
    await h.pass(MINUTE_MS);
    expect(h.receiver.posts).toHaveLength(100);
    expect(most).toBeGreaterThan(4);
    expect(most).toBeLessThanOrEqual(16);
    const lanes = await all<{ lane: string; subject: string }>(
      env.DB.prepare(
        `SELECT j.lane, e.subject FROM jobs AS j JOIN events AS e ON e.id = j.params ->> 'event_id'
          WHERE j.kind = 'webhook.deliver'`,
      ),
    );
    expect(new Set(lanes.map(({ lane }) => lane)).size).toBeLessThanOrEqual(16);
  });

  test("that hangs holds up nobody else", async () => {
    const h = await createHarness({ call_ms: 100 });
    await h.endpoint(["job.*"], { url: "https://slow.shop.com/" });
    await h.endpoint(["job.*"], { url: "https://fast.shop.com/" });
    h.receiver.answer(({ url }) =>
      url.includes("slow") ? new Promise(() => undefined) : new Response(null),
    );
    await h.post(await h.account(), "x");
    await h.turn();
    await h.turn();
    const states = (await sent()).map(({ state }) => state).sort();
    expect(states).toEqual(["succeeded", "waiting"]);
  });
});

test("a callback goes to its job's own URL, signed with the client's secret, on a lane of its host", async () => {
  const h = await createHarness();
  const ring = await openRing(TEST_RING, "WEBHOOK_KEYS");
  await env.DB.prepare("UPDATE clients SET webhook_secret = ?")
    .bind(await ring.seal(SECRET, secretPlace(h.clientId)))
    .run();
  const id = await h.post(await h.account(), "x", { callback_url: "https://me.shop.com:8443/done?job=1" });
  await h.turn();
  const [due] = await all<{ lane: string }>(deliveries.due(env.DB, h.now(), [h.clientId]));
  expect(due?.lane).toMatch(new RegExp(`^webhook:${h.clientId}:me\\.shop\\.com:8443/\\d+:0$`));
  await h.turn();
  const [post] = h.receiver.posts;
  if (!post) throw new Error("nothing came");
  expect(post.url).toBe("https://me.shop.com:8443/done?job=1");
  expect(post.body).toMatchObject({ type: "job.succeeded", data: { id } });
  vi.useFakeTimers({ now: h.now(), toFake: ["Date"] });
  expect(new Webhook(SECRET).verify(post.text, post.headers)).toEqual(post.body);
  vi.useRealTimers();
});
