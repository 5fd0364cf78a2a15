import { env } from "cloudflare:workers";
import { createTokens, pairPlace } from "#core/accounts/tokens";
import { consume } from "#core/jobs/consume";
import type { Consumer } from "#core/jobs/engine";
import { enqueue, jobIdFor, type Order } from "#core/jobs/enqueue";
import { allKinds } from "#core/jobs/kinds/index";
import { TWEETS_TURN } from "#core/jobs/limits";
import type { Kinds } from "#core/jobs/registry";
import { stage } from "#core/jobs/stage";
import type { WakeUp } from "#core/jobs/wake";
import { newId, randomText } from "#core/lib/ids";
import { openRing } from "#core/lib/seal";
import * as accounts from "#core/store/accounts";
import * as clients from "#core/store/clients";
import * as jobs from "#core/store/jobs";
import type { JobRow } from "#core/store/jobs";
import * as lanes from "#core/store/lanes";
import type { LaneRow } from "#core/store/lanes";
import { first } from "#core/store/sql";
import type { Fetch } from "#core/x/client";

/** 32 zero bytes: a key for tests. */
export const TEST_RING = `test:${"A".repeat(43)}`;

/** What X was asked, in the order in which it was asked. */
export type Call = { method: string; path: string; body: unknown; at: number; authorization: string | null };

export type Harness = Awaited<ReturnType<typeof createHarness>>;

/**
 * The engine over real D1, with a virtual clock and a virtual queue. Nothing moves by itself: `turn` delivers what is due,
 * `advance` moves time, `tick` is the clock's minute.
 */
export async function createHarness(options: { kinds?: Kinds; concurrency?: number } = {}) {
  let time = Date.UTC(2026, 10, 23, 12);
  let skew = 0;
  const log: { event: string; [field: string]: unknown }[] = [];
  const calls: Call[] = [];
  const messages: { lane: string; at: number }[] = [];
  let answer: (call: Call) => Promise<Response> | Response = () => tweeted();
  let db = env.DB;

  const network: Fetch = async (request, init) => {
    const asked = new Request(request, init);
    const body = asked.body === null ? null : ((await asked.json()) as unknown);
    const call: Call = {
      method: asked.method,
      path: new URL(asked.url).pathname,
      body,
      at: time,
      authorization: asked.headers.get("authorization"),
    };
    calls.push(call);
    return answer(call);
  };

  const send = (lane: string, delaySeconds = 0) => messages.push({ lane, at: time + delaySeconds * 1000 });
  const queue = {
    send: async (body: WakeUp) => send(body.lane),
    sendBatch: async (batch: Iterable<MessageSendRequest<WakeUp>>) => {
      for (const { body, delaySeconds } of batch) send(body.lane, delaySeconds);
    },
  } as unknown as Queue<WakeUp>;

  const databases = {
    get DB() {
      return db;
    },
  };
  const ring = await openRing(TEST_RING, "TOKEN_KEYS");
  const consumer: Consumer = {
    databases,
    queues: { tweets: queue },
    kinds: options.kinds ?? allKinds,
    clock: {
      now: () => time + skew,
      stored: () => time,
      sleep: () => scheduler.wait(0),
    },
    random: () => 0.5,
    log: (event, fields) => log.push({ event, ...fields }),
    tokens: createTokens({ databases, kv: env.TOKENS, ring, memory: new Map() }),
    network,
    x_url: "https://x.test",
    concurrency: options.concurrency ?? 4,
    limits: TWEETS_TURN,
    background: 0,
  };

  const clientId = newId("cli", "0", time);
  await clients.insert(env.DB, { id: clientId, name: "test", return_urls: "[]", created_at: time }).run();

  /** A connected account of the client. */
  async function account(): Promise<string> {
    const id = newId("acc", "0", time);
    const pair = { access_token: `access-${id}`, refresh_token: null };
    await accounts
      .connect(
        env.DB,
        {
          id,
          client_id: clientId,
          app_id: "app_default",
          x_user_id: randomText(12),
          username: "u",
          name: "U",
          scopes: "[]",
          token: await ring.seal(JSON.stringify(pair), pairPlace(id, 1)),
          token_version: 1,
          token_expires_at: time + 7_200_000,
          metadata: null,
        },
        time,
      )
      .run();
    return id;
  }

  /** Take a job as the producer does; its wake-up goes into the queue. */
  async function post(accountId: string, text: string, more: Partial<Order> = {}): Promise<string> {
    const kind = more.kind ?? consumer.kinds.find("tweet.create");
    if (!kind) throw new Error("no such kind");
    const order: Order = {
      client_id: clientId,
      account_id: accountId,
      kind,
      params: { account_id: accountId, text },
      run_at: null,
      expires_at: null,
      any_order: false,
      max_attempts: null,
      metadata: null,
      ...more,
    };
    const id = jobIdFor(order, time + skew);
    const { wake } = await enqueue(consumer.databases, order, id, { now: time + skew, stored: time });
    if (wake) send(wake.lane, Math.ceil(wake.wait_ms / 1000));
    return id;
  }

  /** Deliver the messages that are due, as one queue batch. Returns what was acked and retried. */
  async function turn(): Promise<{ acked: number; retried: number }> {
    const due = messages.filter(({ at }) => at <= time);
    for (const message of due) messages.splice(messages.indexOf(message), 1);
    return deliver(due.map(({ lane }) => ({ lane })));
  }

  async function deliver(bodies: unknown[]): Promise<{ acked: number; retried: number }> {
    const result = { acked: 0, retried: 0 };
    const background: Promise<unknown>[] = [];
    const batch = {
      queue: "tap-tweets",
      messages: bodies.map((body, index) => ({
        id: String(index),
        timestamp: new Date(time),
        attempts: 1,
        body,
        ack: () => result.acked++,
        retry: () => result.retried++,
      })),
    } as unknown as MessageBatch;
    await consume(batch, consumer, { waitUntil: (promise) => background.push(promise) });
    await Promise.all(background);
    return result;
  }

  return {
    consumer,
    calls,
    log,
    messages,
    clientId,
    account,
    post,
    turn,
    deliver,
    now: () => time,
    advance: (ms: number) => {
      time += ms;
    },
    /** Let the Workers' clock differ from D1's by this much. */
    setSkew: (ms: number) => {
      skew = ms;
    },
    /** How X answers from now on. */
    answer: (how: typeof answer) => {
      answer = how;
    },
    /** Put something between the engine and its database. */
    wrapDatabase: (wrap: (db: D1Database) => D1Database) => {
      db = wrap(env.DB);
    },
    tick: () => stage(consumer),
    job: async (id: string): Promise<JobRow> => {
      const row = await first<JobRow>(jobs.find(env.DB, clientId, id));
      if (!row) throw new Error(`no job ${id}`);
      return row;
    },
    lane: (name: string) => first<LaneRow>(lanes.find(env.DB, name)),
    /** The texts that X was asked to post, in order. */
    posted: () =>
      calls.filter(({ method }) => method === "POST").map(({ body }) => (body as { text: string }).text),
  };
}

let tweetId = 1_900_000_000_000_000_000n;

/** X's 201. */
export const tweeted = (): Response =>
  Response.json({ data: { id: String(++tweetId), text: "as posted" } }, { status: 201 });

/** An answer of X with a problem body. */
export const refused = (status: number, detail: string, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify({ title: "X says no", detail, status, type: "about:blank" }), {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });

/** A database whose next batches do what they are asked, and then lose their answer. */
export function losingAnswers(db: D1Database, times: number): D1Database {
  let left = times;
  return {
    prepare: (sql: string) => db.prepare(sql),
    batch: async (statements: D1PreparedStatement[]) => {
      const results = await db.batch(statements);
      if (left-- > 0) throw new Error("D1_ERROR: Network connection lost.");
      return results;
    },
  } as unknown as D1Database;
}
