import { prune } from "#core/jobs/prune";
import { stage } from "#core/jobs/stage";
import { tellingView } from "#core/jobs/telling-view";
import type { Consumer } from "#core/jobs/engine";
import { DAY_MS, MINUTE_MS } from "#core/lib/clock";
import { createLookup } from "#core/webhooks/lookup";
import { send } from "#core/webhooks/send";
import { putEndpoint } from "../test/support/receiver.ts";
import { postBatch } from "../test/virtual/batches.ts";
import { createWorld, openSecret, type World } from "../test/virtual/world.ts";
import { localDatabase } from "./database.ts";
import { measured, type Bill } from "./measured.ts";
import type { Counts, Operations } from "./month.ts";

/** So many tweets are averaged over. */
const ALONE = 10;
const A_BATCH = 100;
const BATCHES = 5;
/** The clock ticks every minute; what there is to do for an account in a day, it also does in fewer ticks. */
const TICK_MS = 10 * MINUTE_MS;
/** A write, a read and a delete of one message of at most 64 KB. */
const OPERATIONS_A_MESSAGE = 3;

const NOTHING: Operations = {
  requests: 0,
  queue_operations: 0,
  rows_written: 0,
  rows_read: 0,
  kv_reads: 0,
  kv_writes: 0,
  log_events: 0,
};

/**
 * Count what a tweet costs, alone and in batches of 100, and what a webhook, an account's day and the clock cost. The engine itself
 * runs, over local D1, the simulator, and a queue that delivers in batches of ten. Every turn is a fresh isolate, which remembers
 * no token: more than it will be.
 */
export async function countOperations(): Promise<Counts> {
  const plain = await counting();
  const tick = await plain.tick();
  const { account } = await plain.world.connect("ada");
  const alone = await plain.alone(account);
  const { batch, bytes } = await plain.batches(account);
  const pruned = await plain.pruned(ALONE + A_BATCH * BATCHES);
  await plain.close();

  const told = await counting();
  await told.listen();
  const listener = await told.world.connect("grace");
  const toldAlone = await told.alone(listener.account);
  const toldBatch = (await told.batches(listener.account)).batch;
  await told.close();

  const resting = await counting();
  await resting.world.connect("edsger");
  const day = await resting.day(tick);
  await resting.close();

  return {
    tweet_alone: sum(alone, pruned),
    tweet_in_batch: sum(batch, pruned),
    webhook_alone: less(toldAlone, alone),
    webhook_in_batch: less(toldBatch, batch),
    account_day: day,
    tick,
    job_bytes: bytes,
  };
}

/** A world whose operations are counted. */
async function counting() {
  const local = await localDatabase();
  const bill: Bill = { written: 0, read: 0, statements: 0 };
  const world = await createWorld({ db: measured(local.db, bill), ring: openSecret });
  world.simulator.setSettings({ limits: "off" });
  let now: Operations = { ...NOTHING };
  const count = (name: keyof Operations, by = 1): void => {
    now[name] += by;
  };
  const kv = countingKv(count);
  /** An isolate that has just begun. */
  const fresh = (): Consumer => {
    const worker = world.worker({ kv });
    const consumer = {
      ...worker,
      log: () => {
        count("log_events");
      },
    };
    return { ...consumer, send: (delivery) => send(senderOf(consumer), delivery) };
  };
  /** What was counted since the last look, for each of so many. */
  const taken = (of: number): Operations => {
    const all = { ...now, rows_written: bill.written, rows_read: bill.read };
    now = { ...NOTHING };
    Object.assign(bill, { written: 0, read: 0 });
    return each(all, of);
  };
  /** An invocation of a Worker, of which the log has a line of its own. */
  const invoked = (): void => {
    count("requests");
    count("log_events");
  };
  const drain = async (): Promise<void> => {
    for (let batch = world.take(); batch !== null; batch = world.take()) {
      invoked();
      count("queue_operations", OPERATIONS_A_MESSAGE * batch.messages.length);
      await world.turn(batch, fresh());
    }
  };
  const size = async (): Promise<number> => (await local.db.prepare("SELECT 1").run()).meta.size_after;
  const at = { world, fresh, taken, invoked, count, drain, size };
  return {
    world,
    close: () => local.close(),
    listen: () => listen(world),
    alone: (account: string) => alone(at, account),
    batches: (account: string) => batches(at, account),
    pruned: (jobs: number) => pruned(at, jobs),
    tick: () => tick(at),
    day: (idle: Operations) => day(at, idle),
  };
}

type At = {
  world: World;
  fresh: () => Consumer;
  taken: (of: number) => Operations;
  invoked: () => void;
  count: (name: keyof Operations, by?: number) => void;
  drain: () => Promise<void>;
  size: () => Promise<number>;
};

/** Each tweet by a request of its own, and one more that waits for its end. */
async function alone({ world, taken, invoked, count, drain }: At, account_id: string): Promise<Operations> {
  taken(1);
  for (let n = 0; n < ALONE; n++) {
    invoked();
    count("log_events");
    await world.post("tweet.create", { account_id, text: `Tweet ${n} alone` } as { account_id: string });
    await drain();
    invoked();
    world.goTo(world.now() + MINUTE_MS);
  }
  return taken(ALONE);
}

/** A hundred in a request, and one more that asks how it ended. */
async function batches(
  { world, taken, invoked, count, drain, size }: At,
  account_id: string,
): Promise<{ batch: Operations; bytes: number }> {
  taken(1);
  const before = await size();
  for (let n = 0; n < BATCHES; n++) {
    invoked();
    count("log_events");
    const items = Array.from({ length: A_BATCH }, (_, k) => ({
      account_id,
      text: `Tweet ${k} of batch ${n}`,
    }));
    await postBatch(world, items);
    await drain();
    invoked();
    world.goTo(world.now() + MINUTE_MS);
  }
  const tweets = A_BATCH * BATCHES;
  return { batch: taken(tweets), bytes: Math.round(((await size()) - before) / tweets) };
}

/** A month later, what was done goes again. */
async function pruned({ world, fresh, taken }: At, jobs: number): Promise<Operations> {
  taken(1);
  world.goTo(world.now() + 31 * DAY_MS);
  await prune(fresh());
  return { ...NOTHING, rows_written: taken(jobs).rows_written };
}

/** The clock, where nothing is to be done. */
async function tick({ fresh, taken, invoked }: At): Promise<Operations> {
  taken(1);
  invoked();
  await stage(fresh());
  return taken(1);
}

/** A day of an account that does nothing: its token is refreshed all the same. What the clock does anyway is not counted. */
async function day({ world, fresh, taken, drain }: At, idle: Operations): Promise<Operations> {
  taken(1);
  const ticks = DAY_MS / TICK_MS;
  for (let n = 0; n < ticks; n++) {
    world.goTo(world.now() + TICK_MS);
    await stage(fresh());
    await drain();
  }
  const clock = map(idle, (value) => value * ticks);
  // Its own invocation and the line for that were not counted here.
  return less(taken(1), { ...clock, requests: 0, log_events: clock.log_events - ticks });
}

async function listen(world: World): Promise<void> {
  const told = { client_id: world.client_id, events: ["job.*"], now: world.now() };
  await putEndpoint([world.db], openSecret, told, {});
}

const senderOf = (consumer: Consumer): Parameters<typeof send>[0] => ({
  ...consumer,
  look: createLookup(consumer),
  ring: openSecret,
  network: async () => new Response(null, { status: 204 }),
  allow_local: false,
  timeout_ms: consumer.limits.call_ms,
  show: (event) => tellingView(event, consumer.kinds),
});

function countingKv(count: At["count"]): KVNamespace {
  const values = new Map<string, string>();
  return {
    get: async (key: string) => {
      count("kv_reads");
      return values.get(key) ?? null;
    },
    put: async (key: string, value: string) => {
      count("kv_writes");
      values.set(key, value);
    },
    delete: async (key: string) => {
      count("kv_writes");
      values.delete(key);
    },
  } as unknown as KVNamespace;
}

const map = (of: Operations, change: (value: number, name: keyof Operations) => number): Operations =>
  Object.fromEntries(
    Object.entries(of).map(([name, value]) => [name, change(value, name as keyof Operations)]),
  ) as Operations;

const each = (all: Operations, of: number): Operations => map(all, (value) => value / of);
const sum = (one: Operations, other: Operations): Operations =>
  map(one, (value, name) => value + other[name]);
const less = (one: Operations, other: Operations): Operations =>
  map(one, (value, name) => Math.max(0, value - other[name]));
