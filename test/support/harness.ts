import { env } from "cloudflare:workers";
import { createApps } from "#core/accounts/apps";
import { refreshAt } from "#core/accounts/expiry";
import { refreshAccount, type Refreshing } from "#core/accounts/refresh";
import { createTokens, pairPlace } from "#core/accounts/tokens";
import { createCommitter } from "#core/jobs/committer";
import { consume } from "#core/jobs/consume";
import { costOf, type Kind } from "#core/jobs/define";
import type { Consumer } from "#core/jobs/engine";
import { enqueue, jobIdFor, type Order } from "#core/jobs/enqueue";
import { allKinds } from "#core/jobs/kinds/index";
import { TWEETS_TURN, type TurnLimits } from "#core/jobs/limits";
import type { Kinds } from "#core/jobs/registry";
import { stage } from "#core/jobs/stage";
import { tellingView } from "#core/jobs/telling-view";
import type { WakeUp } from "#core/jobs/wake";
import { text } from "#core/lib/bytes";
import { MINUTE_MS } from "#core/lib/clock";
import { newId, randomText } from "#core/lib/ids";
import { openRing } from "#core/lib/seal";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import * as batchParts from "#core/store/batch-parts";
import type { BatchPartRow } from "#core/store/batch-parts";
import * as batches from "#core/store/batches";
import type { BatchRow } from "#core/store/batches";
import * as clients from "#core/store/clients";
import type { GateRow } from "#core/store/gates";
import * as jobs from "#core/store/jobs";
import type { JobRow } from "#core/store/jobs";
import * as lanes from "#core/store/lanes";
import type { LaneRow } from "#core/store/lanes";
import { all, first } from "#core/store/sql";
import type { Counts } from "#core/store/tallies";
import type { EndpointRow } from "#core/store/endpoints";
import { createLookup } from "#core/webhooks/lookup";
import { send as sendEvent } from "#core/webhooks/send";
import type { Fetch } from "#core/x/client";
import { readPrices } from "#core/x/prices";
import { strict } from "./database.ts";
import { createReceiver, putEndpoint } from "./receiver.ts";
import { empty } from "./rows.ts";

/** 32 zero bytes: a key for tests. */
export const TEST_RING = `test:${"A".repeat(43)}`;

/** What X was asked, in the order in which it was asked. */
export type Call = { method: string; path: string; body: unknown; at: number; authorization: string | null };

export type HarnessOptions = {
  kinds?: Kinds;
  concurrency?: number;
  limits?: TurnLimits;
  background?: number;
  /** How long a call to X may take, in ms of real time. */
  call_ms?: number;
  /** The secret of the installation's X app; without one it is a public app. */
  client_secret?: string;
  /** Another KV than the bound one. */
  kv?: KVNamespace;
  /** What X allows its apps in a day, by endpoint. */
  app_windows?: Record<string, number>;
  /** Bind the second database as well. */
  sharded?: boolean;
};

/** What a new account has. Without a `refresh_token` it lives as long as its access token. */
export type NewAccount = {
  app?: string;
  token?: string;
  refresh_token?: string;
  expires_in_ms?: number;
  x_user_id?: string;
  shard?: "0" | "1";
};

/** How X answers. Without the body, which `call` has read, `request` may be sent on. */
type Answering = (call: Call, request: Request) => Promise<Response> | Response;

export type Harness = Awaited<ReturnType<typeof createHarness>>;

/**
 * The engine over real D1, with a virtual clock and a virtual queue. Nothing moves by itself: `turn` delivers what is due,
 * `advance` moves time, `tick` is the clock's minute.
 */
export async function createHarness(options: HarnessOptions = {}) {
  await empty(env.DB);
  await empty(env.DB_1);
  let time = Date.UTC(2026, 10, 23, 12);
  let skew = 0;
  const log: { event: string; [field: string]: unknown }[] = [];
  const calls: Call[] = [];
  const messages: { lane: string; at: number }[] = [];
  let answer: Answering = () => tweeted();
  let db = strict(env.DB);

  const network: Fetch = async (request, init) => {
    const asked = new Request(request, init);
    const body = asked.body === null ? null : await read(asked.clone());
    const call: Call = {
      method: asked.method,
      path: new URL(asked.url).pathname,
      body,
      at: time,
      authorization: asked.headers.get("authorization"),
    };
    calls.push(call);
    return Promise.race([answer(call, asked), aborted(asked.signal)]);
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
    ...(options.sharded && { DB_1: strict(env.DB_1) }),
  };
  const ring = await openRing(TEST_RING, "TOKEN_KEYS");
  const webhookRing = await openRing(TEST_RING, "WEBHOOK_KEYS");
  const receiver = createReceiver(() => time);
  const kv = options.kv ?? env.TOKENS;
  const consumer: Consumer = {
    databases,
    queues: { tweets: queue, refresh: queue, media: queue, webhooks: queue },
    kinds: options.kinds ?? allKinds,
    prices: readPrices(undefined, ""),
    app_windows: options.app_windows ?? {},
    clock: {
      now: () => time + skew,
      stored: () => time,
      sleep: () => scheduler.wait(0),
    },
    random: () => 0.5,
    log: (event, fields) => log.push({ event, ...fields }),
    tokens: createTokens({ databases, kv, ring, memory: new Map() }),
    refresh: (id, asked, hear) => refreshAccount(refreshing, id, asked, hear),
    send: (delivery) =>
      sendEvent(
        {
          ...consumer,
          look,
          ring: webhookRing,
          network: receiver.network,
          allow_local: false,
          timeout_ms: consumer.limits.call_ms,
          show: (event) => tellingView(event, consumer.kinds),
        },
        delivery,
      ),
    network,
    x_url: "https://x.test",
    concurrency: options.concurrency ?? 4,
    bucket: env.MEDIA,
    allow_local: false,
    limits: {
      ...(options.limits ?? TWEETS_TURN),
      ...(options.call_ms !== undefined && { call_ms: options.call_ms }),
    },
    background: options.background ?? 0,
  };

  const look = createLookup(consumer);
  const refreshing: Refreshing = {
    databases,
    kv,
    ring,
    apps: createApps({
      databases,
      ring,
      network,
      x_url: "https://x.test",
      now: () => time + skew,
      timeout_ms: consumer.limits.call_ms,
      fallback: { client_id: "x-app", client_secret: options.client_secret ?? null },
    }),
    clock: consumer.clock,
    random: consumer.random,
    log: consumer.log,
    lanes: consumer.kinds.laneNames,
  };

  const clientId = newId("cli", "0", time);
  await clients.insert(env.DB, { id: clientId, name: "test", return_urls: "[]", created_at: time }).run();

  /** A connected account of the client. */
  async function account(of: NewAccount = {}): Promise<string> {
    const id = newId("acc", of.shard ?? "0", time);
    const { refresh_token = null } = of;
    const pair = { access_token: of.token ?? `access-${id}`, refresh_token };
    const token_expires_at = time + (of.expires_in_ms ?? 7_200_000);
    await accounts
      .connect(
        of.shard === "1" ? env.DB_1 : env.DB,
        {
          id,
          client_id: clientId,
          app_id: of.app ?? "app_default",
          x_user_id: of.x_user_id ?? randomText(12),
          username: "u",
          name: "U",
          scopes: "[]",
          token: await ring.seal(JSON.stringify(pair), pairPlace(id, 1)),
          token_version: 1,
          token_expires_at,
          refresh_at: refresh_token === null ? null : refreshAt(time, token_expires_at, 0.5),
          metadata: null,
        },
        time,
      )
      .run();
    return id;
  }

  function kindNamed(name: string): Kind {
    const kind = consumer.kinds.find(name);
    if (!kind) throw new Error(`no kind ${name}`);
    return kind;
  }

  /** Take a job as the producer does; its wake-up goes into the queue. */
  async function post(accountId: string, said: string, more: Partial<Order> = {}): Promise<string> {
    const kind = more.kind ?? kindNamed("tweet.create");
    const order: Order = {
      client_id: clientId,
      account_id: accountId,
      kind,
      params: { account_id: accountId, text: said },
      run_at: null,
      expires_at: null,
      any_order: false,
      max_attempts: null,
      metadata: null,
      cost_estimated: costOf(
        { kind, params: more.params ?? { account_id: accountId, text: said } },
        consumer.prices,
      ),
      ...more,
    };
    const id = jobIdFor(order, time + skew);
    const { wake } = await enqueue(consumer.databases, order, id, {
      now: time + skew,
      stored: time,
    });
    if (wake) send(wake.lane, Math.ceil(wake.wait_ms / 1000));
    return id;
  }

  /** Take a job that deletes a tweet. */
  const remove = (accountId: string, tweetId: string, more: Partial<Order> = {}): Promise<string> =>
    post(accountId, "", {
      kind: kindNamed("tweet.delete"),
      params: { account_id: accountId, tweet_id: tweetId },
      ...more,
    });

  /** Deliver the messages that are due, as one queue batch. Returns what was acked and retried. */
  async function turn(by?: Consumer): Promise<{ acked: number; retried: number }> {
    const due = messages.filter(({ at }) => at <= time);
    for (const message of due) messages.splice(messages.indexOf(message), 1);
    return deliver(
      due.map(({ lane }) => ({ lane })),
      by,
    );
  }

  /** Let time go on as it does deployed: messages come when they are due, and every minute the clock ticks. */
  async function pass(ms: number): Promise<void> {
    const until = time + ms;
    let tick = time + MINUTE_MS;
    for (let turns = 0; ;) {
      const next = Math.min(tick, ...messages.map(({ at }) => at));
      if (next > until) break;
      turns = next > time ? 0 : turns + 1;
      if (turns > 100) throw new Error("the engine turns in circles");
      time = Math.max(time, next);
      if (time >= tick) {
        await stage(consumer);
        tick += MINUTE_MS;
      }
      await turn();
    }
    time = until;
  }

  /**
   * A Worker that takes a lane, claims its first job, and dies; or does so as the one that tries what was broken. Its lease has run
   * out afterwards.
   */
  async function crash(lane: string, how: "claiming" | "probing" = "claiming"): Promise<void> {
    const { kinds, limits, clock, random, log } = consumer;
    const committer = createCommitter({
      callers: () => 0,
      db,
      lease: newId("lse", "0", time),
      lease_ms: limits.lease_ms,
      app_windows: consumer.app_windows,
      unrepeatable: kinds.unrepeatable,
      reconcilable: kinds.reconcilable,
      now: () => time,
      sleep: (ms) => clock.sleep(ms),
      random,
      log,
    });
    const held = lanes.untouched(lane);
    await Promise.all([
      committer.lease([lane]),
      how === "claiming" ? committer.claim(held, { alone: true }) : committer.probe(held),
    ]);
    time += limits.lease_ms + 1;
  }

  async function deliver(bodies: unknown[], by = consumer): Promise<{ acked: number; retried: number }> {
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
    await consume(batch, by, { waitUntil: (promise) => background.push(promise) });
    await Promise.all(background);
    return result;
  }

  /** An endpoint of the client that listens to these types. */
  const endpoint = (events: string[], more: Partial<EndpointRow> = {}): Promise<EndpointRow> =>
    putEndpoint(
      options.sharded ? [env.DB, env.DB_1] : [env.DB],
      webhookRing,
      { client_id: clientId, events, now: time },
      more,
    );

  return {
    consumer,
    receiver,
    endpoint,
    calls,
    log,
    messages,
    clientId,
    account,
    post,
    remove,
    turn,
    deliver,
    pass,
    crash,
    now: () => time,
    advance: (ms: number) => {
      time += ms;
    },
    /** Let the Workers' clock differ from D1's by this much. */
    setSkew: (ms: number) => {
      skew = ms;
    },
    /** How X answers from now on. */
    answer: (how: Answering) => {
      answer = how;
    },
    /** Put something between the engine and its database. */
    wrapDatabase: (wrap: (db: D1Database) => D1Database) => {
      db = wrap(strict(env.DB));
    },
    tick: () => stage(consumer),
    /** Whether the job could still be canceled. */
    cancel: async (id: string): Promise<boolean> =>
      (await first(jobs.cancel(env.DB, time, clientId, id))) !== null,
    job: async (id: string): Promise<JobRow> => {
      const row = await first<JobRow>(jobs.find(env.DB, clientId, id));
      if (!row) throw new Error(`no job ${id}`);
      return row;
    },
    account_row: async (id: string): Promise<AccountRow> => {
      const row = await first<AccountRow>(accounts.find(env.DB, id));
      if (!row) throw new Error(`no account ${id}`);
      return row;
    },
    batch: (id: string) => first<BatchRow>(batches.find(env.DB, clientId, id)),
    /** What the first database knows of a batch. */
    batchPart: (id: string) => first<BatchPartRow>(batchParts.find(env.DB, { client_id: clientId, id })),
    lane: (name: string) => first<LaneRow>(lanes.find(env.DB, name)),
    gate: (name: string) => env.DB.prepare("SELECT * FROM gates WHERE name = ?").bind(name).first<GateRow>(),
    /** The events of one name in the log. */
    logged: (event: string) => log.filter((line) => line.event === event),
    /** What was counted of the jobs, on the first database. */
    tallies: async (): Promise<Counts> => {
      const rows = await all<{ counts: string }>(
        env.DB.prepare("SELECT counts FROM tallies WHERE name = 'jobs'"),
      );
      return JSON.parse(rows[0]?.counts ?? "{}") as Counts;
    },
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

/** What X says of a window, by a clock that stands at `now`. */
export const rate = (now: number, remaining: number, resets_in_s: number): Record<string, string> => ({
  date: new Date(now).toUTCString(),
  "x-rate-limit-limit": "100",
  "x-rate-limit-remaining": String(remaining),
  "x-rate-limit-reset": String(Math.floor(now / 1000) + resets_in_s),
});

/** A body as it was sent: JSON, a form, or how many bytes it had. */
const read = async (asked: Request): Promise<unknown> =>
  asked.headers.get("content-type")?.startsWith("multipart/")
    ? (await asked.arrayBuffer()).byteLength
    : asked.headers.get("content-type")?.startsWith("application/x-www-form-urlencoded")
      ? Object.fromEntries(new URLSearchParams(text(new Uint8Array(await asked.arrayBuffer()))))
      : asked.json();

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      reject(signal.reason as Error);
    });
  });
