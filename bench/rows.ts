/**
 * Rows written, rows read and statements per tweet, by D1's own `meta.rows_written`: for one tweet alone, for many of one
 * account, and spread over many accounts. The engine itself runs here, over local D1 and the simulator; a virtual queue
 * delivers in batches of ten as the real one does.
 *
 *   npm run bench rows [most tweets of a case]
 */
import { createTokens, pairPlace } from "#core/accounts/tokens";
import { consume } from "#core/jobs/consume";
import { enqueue, jobIdFor, type Order } from "#core/jobs/enqueue";
import type { Consumer } from "#core/jobs/engine";
import { allKinds } from "#core/jobs/kinds/index";
import { TWEETS_TURN } from "#core/jobs/limits";
import type { WakeUp } from "#core/jobs/wake";
import { newId } from "#core/lib/ids";
import { silentLog } from "#core/lib/log";
import { openRing } from "#core/lib/seal";
import { readAppWindows } from "#core/x/app-windows";
import { readPrices } from "#core/x/prices";
import * as accounts from "#core/store/accounts";
import { createSimulator } from "../simulator/simulator.ts";
import { localDatabase } from "./database.ts";
import { measured, type Bill } from "./measured.ts";

const CASES = [
  { accounts: 1, tweets: 1 },
  { accounts: 1, tweets: 100 },
  { accounts: 1, tweets: 10_000 },
  { accounts: 1_000, tweets: 1_000 },
  { accounts: 1_000, tweets: 10_000 },
].filter(({ tweets }) => tweets <= Number(process.argv[2] ?? Infinity));
const BATCH = 10;
/** Requests under way at once: this changes how long the bench takes, not what it counts. */
const AT_ONCE = 20;
const CLIENT = newId("cli", "0", Date.now());

const local = await localDatabase();
const bill: Bill = { written: 0, read: 0, statements: 0 };

try {
  console.log("accounts  tweets  written/tweet  read/tweet  statements/tweet  posted");
  for (const { accounts: count, tweets } of CASES) {
    const { posted } = await drain(count, tweets);
    const per = (value: number) => (value / tweets).toFixed(2);
    console.log(
      [String(count).padStart(8), String(tweets).padStart(6), per(bill.written).padStart(13)].join("  ") +
        ["", per(bill.read).padStart(10), per(bill.statements).padStart(16), String(posted).padStart(6)].join(
          "  ",
        ),
    );
  }
} finally {
  await local.close();
}

/** Take `tweets` over `count` accounts, one request each, then deliver until nothing is left. */
async function drain(count: number, tweets: number): Promise<{ posted: number }> {
  const simulator = createSimulator();
  simulator.setSettings({ limits: "off" });
  simulator.createApp({ client_id: "app", client_secret: null, redirect_uris: [] });
  const lanes: string[] = [];
  const queue = {
    sendBatch: async (messages: Iterable<{ body: WakeUp }>) => {
      for (const { body } of messages) lanes.push(body.lane);
    },
  } as unknown as Queue<WakeUp>;
  const ring = await openRing(`bench:${"A".repeat(43)}`, "TOKEN_KEYS");
  const databases = { DB: measured(local.db, bill) };
  const consumer: Consumer = {
    databases,
    queues: { tweets: queue, refresh: queue, media: queue, webhooks: queue },
    kinds: allKinds,
    prices: readPrices(undefined, ""),
    app_windows: readAppWindows('{"POST /2/tweets":1000000}', ""),
    clock: {
      now: () => Date.now(),
      stored: () => null,
      sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
    },
    random: Math.random,
    log: silentLog,
    send: () => Promise.reject(new Error("nobody listens")),
    refresh: () => Promise.reject(new Error("bench: no token expires here")),
    tokens: createTokens({ databases, kv: local.kv, ring, memory: new Map() }),
    network: (request, init) => simulator.fetch(new Request(request, init)),
    bucket: null,
    allow_local: false,
    x_url: "https://x.test",
    concurrency: BATCH,
    limits: TWEETS_TURN,
    background: 0,
  };
  const ids = await connect(simulator, ring, count);
  Object.assign(bill, { written: 0, read: 0, statements: 0 });
  const kind = allKinds.find("tweet.create");
  if (!kind) throw new Error("no tweet.create");
  const take = async (i: number) => {
    const account_id = ids[i % count] ?? "";
    const order: Order = {
      client_id: CLIENT,
      account_id,
      kind,
      params: { account_id, text: `Tweet ${i} of ${tweets} over ${count} accounts` },
      run_at: null,
      expires_at: null,
      any_order: false,
      max_attempts: null,
      metadata: null,
      cost_estimated: 15_000,
    };
    const { wake } = await enqueue(databases, order, jobIdFor(order, Date.now()), {
      now: Date.now(),
      stored: null,
    });
    if (wake) lanes.push(wake.lane);
  };
  for (let i = 0; i < tweets; i += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, tweets - i) }, (_, k) => take(i + k)));
  while (lanes.length > 0) await deliver(consumer, lanes.splice(0, BATCH));
  return { posted: simulator.tweetPage().total };
}

function deliver(consumer: Consumer, lanes: string[]): Promise<void> {
  const messages = lanes.map((lane) => ({ body: { lane }, ack: () => undefined, retry: () => undefined }));
  return consume({ messages } as unknown as MessageBatch, consumer, { waitUntil: () => undefined });
}

async function connect(
  simulator: ReturnType<typeof createSimulator>,
  ring: Awaited<ReturnType<typeof openRing>>,
  count: number,
): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const user = simulator.createUser({ username: `u${count}_${i}` });
    const scopes = ["tweet.read", "tweet.write", "users.read"];
    const { access_token } = simulator.createGrant({ client_id: "app", user_id: user.id, scopes });
    const id = newId("acc", "0", Date.now());
    const token = await ring.seal(JSON.stringify({ access_token, refresh_token: null }), pairPlace(id, 1));
    await accounts
      .connect(
        local.db,
        {
          id,
          client_id: CLIENT,
          app_id: "app_default",
          x_user_id: `${id}-x`,
          username: user.username,
          name: user.username,
          scopes: JSON.stringify(scopes),
          token,
          token_version: 1,
          token_expires_at: Date.now() + 7_200_000,
          refresh_at: null,
          metadata: null,
        },
        Date.now(),
      )
      .run();
    ids.push(id);
  }
  return ids;
}
