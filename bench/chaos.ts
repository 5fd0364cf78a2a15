/**
 * Everything that can go wrong, in virtual time and by seed: X acts and does not say so, says 5xx and 429, the queue loses and doubles messages,
 * D1 fails before and after a commit, Workers die at any step. At the end X's own books are compared with what was accepted.
 *
 *   npm run bench chaos [tweets] [accounts] [seed ...]
 */
import { createApps } from "#core/accounts/apps";
import { refreshAt } from "#core/accounts/expiry";
import { refreshAccount } from "#core/accounts/refresh";
import { createTokens, pairPlace } from "#core/accounts/tokens";
import { consume } from "#core/jobs/consume";
import type { Consumer } from "#core/jobs/engine";
import { enqueue, jobIdFor, type Order } from "#core/jobs/enqueue";
import { allKinds } from "#core/jobs/kinds/index";
import { TWEETS_TURN } from "#core/jobs/limits";
import { stage } from "#core/jobs/stage";
import type { WakeUp } from "#core/jobs/wake";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "#core/lib/clock";
import { newId } from "#core/lib/ids";
import { silentLog } from "#core/lib/log";
import { openRing } from "#core/lib/seal";
import * as accounts from "#core/store/accounts";
import type { JobRow } from "#core/store/jobs";
import { createSimulator, type FaultRule } from "../simulator/simulator.ts";
import { createMortal } from "../test/support/mortal.ts";
import { table } from "../scripts/table.ts";
import { seeded } from "./seeded.ts";
import { sqliteDatabase } from "./sqlite.ts";

const TWEETS = Number(process.argv[2] ?? 10_000);
const ACCOUNTS = Number(process.argv[3] ?? 200);
const SEEDS = process.argv.length > 4 ? process.argv.slice(4).map(Number) : [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

const START = Date.UTC(2026, 10, 23, 12);
/** All are due within this time, those of an account one after the other. */
const DUE_MS = 30 * MINUTE_MS;
const END_MS = 12 * HOUR_MS;
const BATCH = 10;
/** Real time that a call may take: X's silence is meant to be met. */
const CALL_MS = 5;
const SCOPES = ["tweet.read", "tweet.write", "users.read", "offline.access"];

const LOST_MESSAGE = 0.02;
const DOUBLED_MESSAGE = 0.02;
const D1_FAILS = 0.005;
const D1_FAILS_AFTER = 0.005;
const WORKER_DIES = 0.02;
const STEPS_OF_A_TURN = 40;

/** Met by posts alone, in this order: each is looked at only if those before it passed the call by. */
const FAULTS: [share: number, fault: FaultRule["fault"]][] = [
  [0.017, { kind: "error", status: 503, when: "after" }],
  [0.017, { kind: "drop", when: "after" }],
  [0.016, { kind: "hang", ms: 1_000_000_000, when: "after" }],
  [0.05, { kind: "error", status: 502, when: "before" }],
  [0.02, { kind: "rate_limited", headers: false }],
];
/** These are hidden from timelines for longer than anybody looks. */
const HIDDEN = ["tweet 17 ", "tweet 170 ", "tweet 1700 "];

type Chaos = { lost: number; doubled: number; d1: number; deaths: number };

for (const seed of SEEDS) await run(seed);
process.exit(0);

async function run(seed: number): Promise<void> {
  const chance = seeded(seed);
  const began = performance.now();
  const chaos: Chaos = { lost: 0, doubled: 0, d1: 0, deaths: 0 };
  let time = START;
  const db = sqliteDatabase();
  const messages: { lane: string; at: number }[] = [];
  const simulator = createSimulator({
    now: () => time,
    random: chance,
    sleep: (ms) => (ms > HOUR_MS ? new Promise(() => undefined) : Promise.resolve()),
  });
  const send = (lane: string, at: number) => messages.push({ lane, at });
  const queue = {
    sendBatch: async (batch: Iterable<MessageSendRequest<WakeUp>>) => {
      for (const { body, delaySeconds = 0 } of batch) {
        const at = time + delaySeconds * 1000;
        if (chance() < LOST_MESSAGE) chaos.lost++;
        else send(body.lane, at);
        if (chance() < DOUBLED_MESSAGE && ++chaos.doubled) send(body.lane, at + Math.floor(chance() * 5_000));
      }
    },
  } as unknown as Queue<WakeUp>;
  const ring = await openRing(`bench:${"A".repeat(43)}`, "TOKEN_KEYS");
  const healthy = consumerOver(db, (request) => simulator.fetch(request));
  const { users, jobs } = await prepare();
  simulator.setFaults([
    ...FAULTS.map(([probability, fault]) => ({
      match: { method: "POST", path: "^/2/tweets$" },
      probability,
      fault,
    })),
  ]);
  simulator.setSettings({ limits: "off", hide: HIDDEN.map((text) => ({ text, ms: 1_000 * HOUR_MS })) });

  let tick = START;
  for (let rest = jobs.length; rest > 0 && time < START + END_MS;) {
    const next = Math.min(tick, ...messages.map(({ at }) => at));
    time = Math.max(time, next);
    if (time >= tick) {
      await stage(healthy).catch(() => undefined);
      tick += MINUTE_MS;
      rest = await unfinished();
    }
    await deliver();
  }
  await report();

  function consumerOver(database: D1Database, fetch: (request: Request) => Promise<Response>): Consumer {
    const databases = { DB: database };
    const clock = { now: () => time, stored: () => time, sleep: () => Promise.resolve() };
    const kv = { get: async () => null, put: async () => undefined } as unknown as KVNamespace;
    const network = (request: Request | string, init?: RequestInit) => fetch(new Request(request, init));
    const x_url = "https://x.test";
    const fallback = { client_id: "app", client_secret: null };
    const apps = createApps({
      databases,
      ring,
      network,
      x_url,
      now: () => time,
      timeout_ms: CALL_MS,
      fallback,
    });
    const shared = { databases, clock, random: chance, log: silentLog };
    const by = { ...shared, kv, ring, apps, lanes: allKinds.laneNames };
    return {
      ...shared,
      queues: { tweets: queue, refresh: queue },
      kinds: allKinds,
      tokens: createTokens({ databases, kv, ring, memory: new Map() }),
      refresh: (id, asked) => refreshAccount(by, id, asked),
      network,
      x_url,
      concurrency: BATCH,
      limits: { ...TWEETS_TURN, call_ms: CALL_MS },
      background: 0,
    };
  }

  /** Users, their accounts, and every tweet taken by the producer. */
  async function prepare() {
    simulator.createApp({ client_id: "app", client_secret: null, redirect_uris: [] });
    const client_id = newId("cli", "0", START);
    const kind = allKinds.find("tweet.create");
    if (!kind) throw new Error("no tweet.create");
    const made = new Map<string, string>();
    const taken: string[] = [];
    for (let i = 0; i < ACCOUNTS; i++) {
      const user = simulator.createUser({ username: `u_${i}` });
      const { access_token, refresh_token } = simulator.createGrant({
        client_id: "app",
        user_id: user.id,
        scopes: SCOPES,
      });
      const id = newId("acc", "0", START + i);
      const token_expires_at = START + 2 * HOUR_MS;
      const row = {
        id,
        client_id,
        app_id: "app_default",
        x_user_id: user.id,
        username: user.username,
        name: user.name,
        scopes: JSON.stringify(SCOPES),
        token: await ring.seal(JSON.stringify({ access_token, refresh_token }), pairPlace(id, 1)),
        token_version: 1,
        token_expires_at,
        refresh_at: refreshAt(START, token_expires_at, chance()),
        metadata: null,
      };
      await accounts.connect(db, row, START).run();
      made.set(user.id, id);
    }
    const ids = [...made.values()];
    const each = Math.ceil(TWEETS / ACCOUNTS);
    for (let i = 0; i < TWEETS; i++) {
      const account_id = ids[i % ACCOUNTS] ?? "";
      const order: Order = {
        client_id,
        account_id,
        kind,
        params: { account_id, text: `tweet ${i} of seed ${seed}` },
        run_at: START + SECOND_MS + Math.floor((Math.floor(i / ACCOUNTS) * DUE_MS) / each),
        expires_at: null,
        any_order: false,
        max_attempts: null,
        metadata: null,
      };
      const id = jobIdFor(order, START + i);
      const { wake } = await enqueue({ DB: db }, order, id, { now: START, stored: START });
      if (wake) send(wake.lane, START + wake.wait_ms);
      taken.push(id);
    }
    return { users: made, jobs: taken };
  }

  /** One batch of what is due, by a Worker that may die. */
  async function deliver(): Promise<void> {
    for (;;) {
      const due = messages.filter(({ at }) => at <= time).slice(0, BATCH);
      if (due.length === 0) return;
      for (const one of due) messages.splice(messages.indexOf(one), 1);
      const dies = chance() < WORKER_DIES;
      const step = dies ? 1 + Math.floor(chance() * STEPS_OF_A_TURN) : Infinity;
      const mortal = createMortal({ step, when: chance() < 0.5 ? "before" : "after" });
      const worker = consumerOver(mortal.database(troubled(db)), (request) =>
        mortal.step(() => simulator.fetch(request)),
      );
      const batch = due.map(({ lane }) => ({
        body: { lane },
        ack: () => undefined,
        retry: () => send(lane, time + 15_000),
      }));
      const turn = consume({ messages: batch } as unknown as MessageBatch, worker, {
        waitUntil: () => undefined,
      });
      const ended = await Promise.race([turn.then(() => "ended"), mortal.died.then(() => "died")]);
      if (ended === "died") chaos.deaths++;
    }
  }

  /** A database on which batches fail, some of them after they were done. */
  function troubled(inner: D1Database): D1Database {
    const lost = () => {
      chaos.d1++;
      return new Error("D1_ERROR: Network connection lost.");
    };
    return {
      prepare: (sql: string) => inner.prepare(sql),
      async batch(statements: D1PreparedStatement[]) {
        if (chance() < D1_FAILS) throw lost();
        const results = await inner.batch(statements);
        if (chance() < D1_FAILS_AFTER) throw lost();
        return results;
      },
    } as unknown as D1Database;
  }

  async function unfinished(): Promise<number> {
    const found = await db
      .prepare("SELECT count(*) AS count FROM jobs WHERE kind = 'tweet.create' AND open = 1")
      .first<{ count: number }>();
    return found?.count ?? 0;
  }

  async function report(): Promise<void> {
    const { results: rows } = await db
      .prepare("SELECT * FROM jobs WHERE kind = 'tweet.create'")
      .all<JobRow>();
    const posted = [...users.keys()].flatMap((user) =>
      simulator.tweets(user).map((tweet) => ({ ...tweet, user })),
    );
    const times = new Map<string, number>();
    for (const { text } of posted) times.set(text, (times.get(text) ?? 0) + 1);
    const textOf = (row: JobRow) => (JSON.parse(row.params) as { text: string }).text;
    const inState = (state: string) => rows.filter((row) => row.state === state);
    const isHidden = (row: JobRow) => HIDDEN.some((text) => `${textOf(row)} `.includes(text));
    const unknown = inState("unknown");
    const truth = rows.flatMap(waits).sort((a, b) => a - b);
    const at = (share: number) => `${Math.round((truth[Math.floor(truth.length * share)] ?? 0) / 1000)} s`;
    const count = (name: string, status: number) => simulator.calls().counts[name]?.[String(status)] ?? 0;
    console.log(
      `\nseed ${seed}\n${table([
        ["accepted", rows.length],
        ["posted, in X's books", posted.length],
        ["duplicates, in X's books", [...times.values()].filter((found) => found > 1).length],
        [
          "lost (succeeded and not in X's books, or neither there nor open to a person)",
          lostOf(rows, times, textOf),
        ],
        ["out of order within an account", outOfOrder(posted)],
        ["succeeded", inState("succeeded").length],
        ["unknown, of those hidden by X", unknown.filter(isHidden).length],
        ["unknown, others", unknown.filter((row) => !isHidden(row)).length],
        ["failed, dead", inState("failed").length + inState("dead").length],
        ["unclear answers and deaths that were looked into", truth.length],
        ["from fault to truth, p50 and p95, simulated", `${at(0.5)} and ${at(0.95)}`],
        ["looks at X", count("GET /2/users/:id/tweets", 200)],
        ["second posts that X called duplicates", count("POST /2/tweets", 403)],
        ["messages lost, doubled", `${chaos.lost}, ${chaos.doubled}`],
        ["D1 failures, Workers that died", `${chaos.d1}, ${chaos.deaths}`],
        ["simulated time", `${Math.round((time - START) / MINUTE_MS)} min`],
        ["wall time", `${((performance.now() - began) / 1000).toFixed(0)} s`],
      ])}`,
    );
  }
}

type Entry = { at: number; outcome: string };

/** How long it took from the first unclear end to the truth. */
function waits(row: JobRow): number[] {
  const first = (JSON.parse(row.log) as Entry[]).find(
    ({ outcome }) => outcome === "lost" || outcome === "crashed",
  );
  return first && row.finished_at !== null ? [row.finished_at - first.at] : [];
}

function lostOf(rows: JobRow[], times: Map<string, number>, textOf: (row: JobRow) => string): number {
  return rows.filter((row) => !times.has(textOf(row)) && row.state !== "unknown").length;
}

/** Tweets that stand behind one that was due later, by X's books. */
function outOfOrder(posted: { user: string; text: string }[]): number {
  const last = new Map<string, number>();
  let wrong = 0;
  for (const { user, text } of posted) {
    const number = Number(/^tweet (\d+)/.exec(text)?.[1]);
    if (number < (last.get(user) ?? -1)) wrong++;
    last.set(user, number);
  }
  return wrong;
}
