/**
 * A week of tokens in virtual time: accounts that are connected together, nothing but the clock's tick once a minute, and X's own
 * books at the end. Every expiry should have one refresh, none lost, none doubled, and no token should ever have expired.
 *
 *   npm run bench refresh [accounts] [days]
 */
import { createApps } from "#core/accounts/apps";
import { refreshAt } from "#core/accounts/expiry";
import { refreshAccount } from "#core/accounts/refresh";
import { createTokens, pairPlace } from "#core/accounts/tokens";
import { consume } from "#core/jobs/consume";
import type { Consumer } from "#core/jobs/engine";
import { allKinds } from "#core/jobs/kinds/index";
import { TWEETS_TURN } from "#core/jobs/limits";
import { stage } from "#core/jobs/stage";
import type { WakeUp } from "#core/jobs/wake";
import { DAY_MS, MINUTE_MS } from "#core/lib/clock";
import { newId } from "#core/lib/ids";
import { silentLog } from "#core/lib/log";
import { openRing } from "#core/lib/seal";
import * as accounts from "#core/store/accounts";
import { createSimulator } from "../simulator/simulator.ts";
import { sqliteDatabase } from "./sqlite.ts";

const COUNT = Number(process.argv[2] ?? 500);
const DAYS = Number(process.argv[3] ?? 7);
const BATCH = 10;
const TICK_MS = MINUTE_MS;
const START = Date.UTC(2026, 10, 23, 12);
const CLIENT = newId("cli", "0", START);
const SCOPES = ["tweet.read", "tweet.write", "users.read", "offline.access"];

let time = START;
const db = sqliteDatabase();
const simulator = createSimulator({ now: () => time });
const messages: { lane: string; at: number }[] = [];

const queue = {
  sendBatch: async (batch: Iterable<MessageSendRequest<WakeUp>>) => {
    for (const { body, delaySeconds = 0 } of batch)
      messages.push({ lane: body.lane, at: time + delaySeconds * 1000 });
  },
} as unknown as Queue<WakeUp>;
/** The truth is in D1: a KV that forgets everything changes nothing but the speed. */
const kv = { get: async () => null, put: async () => undefined } as unknown as KVNamespace;

const consumer = await createConsumer();
await connect();
const began = performance.now();
let expired = 0;
for (const end = START + DAYS * DAY_MS; time < end; time += TICK_MS) {
  await stage(consumer);
  await deliver(consumer);
  expired += simulator.grants().filter(({ access_expires_at }) => access_expires_at <= time).length;
}
await report(expired, (performance.now() - began) / 1000);

async function createConsumer(): Promise<Consumer> {
  const ring = await openRing(`bench:${"A".repeat(43)}`, "TOKEN_KEYS");
  const databases = { DB: db };
  const clock = { now: () => time, stored: () => time, sleep: () => Promise.resolve() };
  const x_url = "https://x.test";
  const network = (request: Request | string, init?: RequestInit) =>
    simulator.fetch(new Request(request, init));
  const fallback = { client_id: "app", client_secret: null };
  const apps = createApps({ databases, ring, network, x_url, now: () => time, fallback });
  const by = {
    databases,
    kv,
    ring,
    apps,
    clock,
    random: Math.random,
    log: silentLog,
    lanes: allKinds.laneNames,
  };
  return {
    databases,
    queues: { tweets: queue, refresh: queue },
    kinds: allKinds,
    clock,
    random: Math.random,
    log: silentLog,
    tokens: createTokens({ databases, kv, ring, memory: new Map() }),
    refresh: (id, asked) => refreshAccount(by, id, asked),
    network,
    x_url,
    concurrency: BATCH,
    limits: TWEETS_TURN,
    background: 0,
  };
}

/** All in one minute, as after a migration. */
async function connect(): Promise<void> {
  const ring = await openRing(`bench:${"A".repeat(43)}`, "TOKEN_KEYS");
  simulator.createApp({ client_id: "app", client_secret: null, redirect_uris: [] });
  for (let i = 0; i < COUNT; i++) {
    const { id: user_id } = simulator.createUser({ username: `u_${i}` });
    const { access_token, refresh_token } = simulator.createGrant({
      client_id: "app",
      user_id,
      scopes: SCOPES,
    });
    const id = newId("acc", "0", time);
    const token_expires_at = time + 7_200_000;
    const row = {
      id,
      client_id: CLIENT,
      app_id: "app_default",
      x_user_id: user_id,
      username: `u_${i}`,
      name: `u_${i}`,
      scopes: JSON.stringify(SCOPES),
      token: await ring.seal(JSON.stringify({ access_token, refresh_token }), pairPlace(id, 1)),
      token_version: 1,
      token_expires_at,
      refresh_at: refreshAt(time, token_expires_at, Math.random()),
      metadata: null,
    };
    await accounts.connect(db, row, time).run();
  }
}

/** Everything that is due, in batches as the queue has them. */
async function deliver(consumer: Consumer): Promise<void> {
  for (;;) {
    const due = messages.filter(({ at }) => at <= time).slice(0, BATCH);
    if (due.length === 0) return;
    for (const one of due) messages.splice(messages.indexOf(one), 1);
    const batch = due.map(({ lane }) => ({ body: { lane }, ack: () => undefined, retry: () => undefined }));
    await consume({ messages: batch } as unknown as MessageBatch, consumer, { waitUntil: () => undefined });
  }
}

async function report(expired: number, seconds: number): Promise<void> {
  type Totals = { versions: number; connected: number };
  const totals = await db
    .prepare("SELECT sum(token_version - 1) AS versions, sum(state = 'connected') AS connected FROM accounts")
    .first<Totals>();
  const { results } = await db
    .prepare("SELECT state, count(*) AS count FROM jobs GROUP BY state")
    .all<{ state: string; count: number }>();
  const versions = totals?.versions ?? 0;
  const each = simulator.grants().map(({ refreshes }) => refreshes);
  const atX = each.reduce((sum, count) => sum + count, 0);
  const lines: [string, string | number][] = [
    ["accounts", COUNT],
    ["simulated days", DAYS],
    ["token versions that came to their refresh", versions],
    ["refreshes in X's books", atX],
    ["  for one account, fewest and most", `${Math.min(...each)} and ${Math.max(...each)}`],
    ["doubled (X's beyond the versions that moved)", atX - versions],
    ["lost (grants revoked)", simulator.grants().filter(({ revoked }) => revoked).length],
    ["minutes in which an account's token had expired", expired],
    ["accounts connected at the end", totals?.connected ?? 0],
    ["refresh jobs by state", results.map(({ state, count }) => `${count} ${state}`).join(", ")],
    ["wall time", `${seconds.toFixed(0)} s`],
  ];
  for (const [name, value] of lines) console.log(`${name.padEnd(50)} ${value}`);
}
