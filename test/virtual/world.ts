import { createApps } from "#core/accounts/apps";
import { refreshAt } from "#core/accounts/expiry";
import { refreshAccount } from "#core/accounts/refresh";
import { createTokens, pairPlace } from "#core/accounts/tokens";
import { consume } from "#core/jobs/consume";
import { costOf } from "#core/jobs/define";
import type { Consumer } from "#core/jobs/engine";
import { enqueue, jobIdFor, type Order } from "#core/jobs/enqueue";
import { allKinds } from "#core/jobs/kinds/index";
import { TWEETS_TURN } from "#core/jobs/limits";
import type { WakeUp } from "#core/jobs/wake";
import { HOUR_MS } from "#core/lib/clock";
import { entropy, newId, type Entropy } from "#core/lib/ids";
import { silentLog } from "#core/lib/log";
import { openRing, type Ring } from "#core/lib/seal";
import type { AppWindows } from "#core/store/allowances";
import { readAppWindows } from "#core/x/app-windows";
import { readPrices } from "#core/x/prices";
import * as accounts from "#core/store/accounts";
import { createSimulator } from "../../simulator/simulator.ts";
import { ALL_SCOPES } from "../support/kinds.ts";
import { createBucket, putMedium } from "./bucket.ts";
import { createSilence } from "./silence.ts";
import { sqliteDatabase, type Ran } from "./sqlite.ts";

export const START = Date.UTC(2026, 10, 23, 12);
const BATCH = 10;
const PICTURE = { type: "image/png", category: "tweet_image" };
const FILM = { type: "video/mp4", category: "tweet_video" };

/**
 * Seals nothing. WebCrypto works on other threads and answers in any order: with it, a seed would not give the same run twice.
 */
export const openSecret: Ring = {
  newest: "none",
  seal: async (plain, place) => `${place} ${plain}`,
  open: async (sealed, place) => sealed.slice(place.length + 1),
  isNewest: () => true,
  isLost: () => false,
};

/** What stands between one Worker and the world. */
export type Through = {
  database?: (db: D1Database) => D1Database;
  network?: (request: Request) => Promise<Response>;
  queue?: Queue<WakeUp>;
  kv?: KVNamespace;
  random?: () => number;
  bucket?: (bucket: R2Bucket) => R2Bucket;
};

export type WorldOptions = {
  /** 0..1 */
  random?: () => number;
  /** For the ids of the client, its accounts and its jobs. */
  entropy?: Entropy;
  ring?: Ring;
  /** X's chance, of which its tokens are made: the same as ours by default. */
  x_random?: () => number;
  /** What X allows its apps in 24 hours: as deployed, by default. */
  app_windows?: AppWindows;
  /** How long a call to X may take, in ms of real time. */
  call_ms?: number;
  /** Calls that X leaves without an answer end as soon as nothing else goes on, not by the real time that they have taken. */
  ends_when_quiet?: boolean;
  /** How Workers sleep: in virtual time, so only until others have had their turn. */
  sleep?: () => Promise<void>;
  /** Called after each statement, where no other database is given. */
  ran?: Ran;
  /** Another database than SQLite in this process, with the schema in it. */
  db?: D1Database;
};

export type World = Awaited<ReturnType<typeof createWorld>>;

/** The engine in virtual time: SQLite for D1, the simulator for X, a list for the queue. Nothing moves by itself. */
export async function createWorld(options: WorldOptions = {}) {
  const { random = Math.random, x_random = random, call_ms = TWEETS_TURN.call_ms } = options;
  const { sleep = () => Promise.resolve() } = options;
  const newIdOf = (prefix: "cli" | "acc", at: number) => newId(prefix, "0", at, options.entropy ?? entropy);
  let time = START;
  const silence = options.ends_when_quiet ? createSilence() : null;
  const db =
    options.db ??
    sqliteDatabase((read) => {
      silence?.stir();
      options.ran?.(read);
    });
  const { bucket, put } = createBucket();
  const messages: { lane: string; at: number }[] = [];
  const client_id = newIdOf("cli", START);
  const ring = options.ring ?? (await openRing(`virtual:${"A".repeat(43)}`, "TOKEN_KEYS"));
  const simulator = createSimulator({
    now: () => time,
    random: x_random,
    // X's silence is never broken in time.
    sleep: (ms) => (ms > HOUR_MS ? new Promise(() => undefined) : Promise.resolve()),
  });
  simulator.createApp({ client_id: "app", client_secret: null, redirect_uris: [] });

  const send = (lane: string, wait_ms = 0) => messages.push({ lane, at: time + wait_ms });
  const queue = {
    sendBatch: async (batch: Iterable<MessageSendRequest<WakeUp>>) => {
      for (const { body, delaySeconds = 0 } of batch) send(body.lane, delaySeconds * 1000);
    },
  } as unknown as Queue<WakeUp>;
  /** The truth is in D1: a KV that forgets everything changes nothing but the speed. */
  const kv = { get: async () => null, put: async () => undefined } as unknown as KVNamespace;

  /** A Worker of its own: it shares nothing with another but the world. */
  function worker(through: Through = {}): Consumer {
    const { network = (request: Request) => simulator.fetch(request) } = through;
    const fetch = (request: Request | string, init?: RequestInit) =>
      silence ? silence.broken(network(new Request(request, init))) : network(new Request(request, init));
    const databases = { DB: through.database?.(db) ?? db };
    const clock = { now: () => time, stored: () => time, sleep };
    const x_url = "https://x.test";
    const fallback = { client_id: "app", client_secret: null };
    const apps = createApps({
      databases,
      ring,
      network: fetch,
      x_url,
      now: clock.now,
      timeout_ms: call_ms,
      fallback,
    });
    const shared = { databases, clock, random: through.random ?? random, log: silentLog };
    const queues = {
      tweets: through.queue ?? queue,
      refresh: through.queue ?? queue,
      webhooks: through.queue ?? queue,
      media: through.queue ?? queue,
    };
    const by = { ...shared, kv: through.kv ?? kv, ring, apps, lanes: allKinds.laneNames };
    return {
      ...shared,
      queues,
      kinds: allKinds,
      prices: readPrices(undefined, ""),
      app_windows: options.app_windows ?? readAppWindows(undefined, ""),
      tokens: createTokens({ databases, kv: by.kv, ring, memory: new Map() }),
      send: () => Promise.reject(new Error("nobody listens")),
      refresh: (id, asked, hear) => refreshAccount(by, id, asked, hear),
      network: fetch,
      bucket: through.bucket?.(bucket) ?? bucket,
      allow_local: false,
      x_url,
      concurrency: BATCH,
      limits: { ...TWEETS_TURN, call_ms },
      background: 0,
    };
  }

  /** A user of X who has connected their account. */
  async function connect(
    username: string,
    app = "app",
    app_id = "app_default",
  ): Promise<{ account: string; user: string; access: string }> {
    const { id: user } = simulator.createUser({ username });
    const { access_token, refresh_token } = simulator.createGrant({
      client_id: app,
      user_id: user,
      scopes: ALL_SCOPES,
    });
    const account = newIdOf("acc", time);
    const token_expires_at = time + 2 * HOUR_MS;
    const row = {
      id: account,
      client_id,
      app_id,
      x_user_id: user,
      username,
      name: username,
      scopes: JSON.stringify(ALL_SCOPES),
      token: await ring.seal(JSON.stringify({ access_token, refresh_token }), pairPlace(account, 1)),
      token_version: 1,
      token_expires_at,
      refresh_at: refreshAt(time, token_expires_at, random()),
      metadata: null,
    };
    await accounts.connect(db, row, time).run();
    return { account, user, access: access_token };
  }

  /** Take a job as the producer does. */
  async function post(
    kindName: string,
    params: { account_id: string },
    run_at: number | null = null,
    more: Partial<Order> = {},
  ) {
    const kind = allKinds.find(kindName);
    if (!kind) throw new Error(`no kind ${kindName}`);
    const order: Order = {
      client_id,
      account_id: params.account_id,
      kind,
      params,
      run_at,
      expires_at: null,
      any_order: false,
      max_attempts: null,
      metadata: null,
      cost_estimated: costOf({ kind, params }, readPrices(undefined, "")),
      ...more,
    };
    const id = jobIdFor(order, time, options.entropy);
    const { wake } = await enqueue({ DB: db }, order, id, { now: time, stored: time });
    if (wake) send(wake.lane, wake.wait_ms);
    return id;
  }

  /** Take what is due off the queue, as one batch of wake-ups, or null. */
  function take(): MessageBatch | null {
    const due = messages.filter(({ at }) => at <= time).slice(0, BATCH);
    if (due.length === 0) return null;
    for (const one of due) messages.splice(messages.indexOf(one), 1);
    const batch = due.map(({ lane }) => ({
      body: { lane },
      ack: () => undefined,
      retry: () => send(lane, 15_000),
    }));
    return { messages: batch } as unknown as MessageBatch;
  }

  return {
    db,
    simulator,
    client_id,
    /** A queue that takes everything. */
    queue,
    kv,
    send,
    worker,
    connect,
    post,
    /** A picture that an account has uploaded here. Returns its id. */
    picture: (account_id: string, bytes: Uint8Array) =>
      putMedium(db, put, { client_id, account_id }, { bytes, now: time, ...PICTURE }),
    /** The same for a film. */
    film: (account_id: string, bytes: Uint8Array) =>
      putMedium(db, put, { client_id, account_id }, { bytes, now: time, ...FILM }),
    take,
    /** One turn of a Worker. */
    turn: (batch: MessageBatch, by: Consumer) => consume(batch, by, { waitUntil: () => undefined }),
    /** When the next message is due. */
    next: () => Math.min(Infinity, ...messages.map(({ at }) => at)),
    now: () => time,
    /** Time goes on, never back. */
    goTo: (at: number) => {
      time = Math.max(time, at);
    },
  };
}
