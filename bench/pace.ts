/**
 * X's windows in virtual time: 500 tweets of one account, then 20,000 of 40 accounts of one X app whose day holds 10,000, beside
 * an account of another app that posts every ten seconds. Turns take as long as their calls would, and a few run at once. In X's
 * own books: no answer of 429, every window used up, and the neighbour as quick as it is alone.
 *
 *   npm run bench pace [tweets] [accounts]
 */
import { stage } from "#core/jobs/stage";
import type { WakeUp } from "#core/jobs/wake";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "#core/lib/clock";
import * as apps from "#core/store/apps";
import { percentile, table } from "../scripts/table.ts";
import { createWorld, START } from "../test/virtual/world.ts";
import { seeded } from "../test/support/seeded.ts";

const TWEETS = Number(process.argv[2] ?? 20_000);
const ACCOUNTS = Number(process.argv[3] ?? 40);

const QUARTER_MS = 15 * MINUTE_MS;
const A_WINDOW = 100;
const A_DAY = 10_000;
/** Queue consumers at work at once, and how long one call to X takes. */
const CONSUMERS = 10;
const CALL_MS = 250;
const CALLS_AT_ONCE = 4;
const NEIGHBOUR_EVERY_MS = 10 * SECOND_MS;
const NEIGHBOUR_FOR_MS = 2 * HOUR_MS;

const OTHER_APP = { id: "app_other0", name: "other", x_client_id: "other", secret: null, created_at: START };

type Load = { accounts: number; tweets: number; neighbour: boolean };
type Posted = { account: string; at: number };
type Result = {
  posted: Posted[];
  /** Of the neighbour's tweets: ms from due to posted. */
  late_ms: number[];
  refused: number;
  turns: number;
  /** Turns in the hours in which nothing could be posted. */
  idle_turns: number;
  seconds: number;
};

const one = await run({ accounts: 1, tweets: 500, neighbour: false });
console.log("500 tweets of one account\n");
console.log(
  table([
    ["posted", one.posted.length],
    ["answers of 429", one.refused],
    ["used of the account's windows", usedOf(windowsOf(one.posted, QUARTER_MS), A_WINDOW)],
    ["from the first to the last", hours(span(one.posted))],
    ["turns", one.turns],
  ]),
);

const alone = await run({ accounts: 0, tweets: 0, neighbour: true });
const both = await run({ accounts: ACCOUNTS, tweets: TWEETS, neighbour: true });
const days = windowsOf(both.posted, DAY_MS);
const each = [...Map.groupBy(both.posted.slice(0, A_DAY), ({ account }) => account).values()].map(
  ({ length }) => length,
);
const p99 = ({ late_ms }: Result) => `${(percentile(late_ms, 0.99) / 1000).toFixed(2)} s`;
console.log(`\n${TWEETS} tweets of ${ACCOUNTS} accounts of one X app, and a neighbour\n`);
console.log(
  table([
    ["posted", both.posted.length],
    ["answers of 429", both.refused],
    ["used of the app's days", usedOf(days, A_DAY)],
    ["of the first day, for one account, fewest and most", `${Math.min(...each)} and ${Math.max(...each)}`],
    ["from the first to the last", hours(span(both.posted))],
    ["turns", both.turns],
    ["of them while the app's day was used up", both.idle_turns],
    [`neighbour's p99 from due to posted, of ${alone.late_ms.length} alone`, p99(alone)],
    [`  and of ${both.late_ms.length} beside it`, p99(both)],
    ["wall time", `${(one.seconds + alone.seconds + both.seconds).toFixed(0)} s`],
  ]),
);
process.exit(0);

async function run(load: Load): Promise<Result> {
  const began = performance.now();
  const world = await createWorld({ random: seeded(7) });
  const { simulator } = world;
  const result: Result = { posted: [], late_ms: [], refused: 0, turns: 0, idle_turns: 0, seconds: 0 };
  /** Who is at work until when. */
  const busy = Array.from({ length: CONSUMERS }, () => START);
  let calls = 0;
  let sent: { lane: string; wait_ms: number }[] = [];
  let ends_at: (() => void)[] = [];

  const network = async (request: Request): Promise<Response> => {
    const body =
      request.method === "POST"
        ? ((await request
            .clone()
            .json()
            .catch(() => ({}))) as { text?: string })
        : {};
    const response = await simulator.fetch(request);
    if (response.status === 429) result.refused++;
    if (body.text !== undefined && response.status === 201) noted(body.text);
    calls++;
    return response;
  };
  const worker = world.worker({
    network,
    queue: {
      sendBatch: async (batch: Iterable<MessageSendRequest<WakeUp>>) => {
        for (const { body, delaySeconds = 0 } of batch)
          sent.push({ lane: body.lane, wait_ms: delaySeconds * 1000 });
      },
    } as unknown as Queue<WakeUp>,
  });

  /** Posted when the turn has made its calls up to this one. */
  function noted(text: string): void {
    const took = () => Math.ceil((calls + 1) / CALLS_AT_ONCE) * CALL_MS;
    const [who = "", due = ""] = text.split(" ");
    const at = world.now() + took();
    if (who === "neighbour") result.late_ms.push(at - Number(due));
    else ends_at.push(() => result.posted.push({ account: who, at: world.now() }));
  }

  let left = 0;
  for (let i = 0; i < load.accounts; i++) {
    const { account } = await world.connect(`u_${i}`);
    for (let k = 0; k < load.tweets / load.accounts; k++, left++)
      await world.post("tweet.create", { account_id: account, text: `u_${i} tweet ${k}` } as never);
  }
  if (load.neighbour) {
    simulator.createApp({ client_id: "other", client_secret: null, redirect_uris: [] });
    await apps.insert(world.db, { ...OTHER_APP, client_id: world.client_id }).run();
    const { account } = await world.connect("neighbour", OTHER_APP.x_client_id, OTHER_APP.id);
    for (let at = START + MINUTE_MS; at < START + NEIGHBOUR_FOR_MS; at += NEIGHBOUR_EVERY_MS, left++)
      await world.post("tweet.create", { account_id: account, text: `neighbour ${at}` } as never, at);
  }

  let tick = START;
  const end = START + 4 * DAY_MS;
  while (result.posted.length + result.late_ms.length < left && world.now() < end) {
    const free = Math.min(...busy);
    world.goTo(Math.min(tick, Math.max(world.next(), free)));
    if (world.now() >= tick) {
      await stage(worker);
      flush(0);
      tick += MINUTE_MS;
      continue;
    }
    const batch = world.take();
    if (batch === null) continue;
    calls = 0;
    const before = result.posted.length;
    await world.turn(batch, worker);
    const took_ms = Math.ceil(calls / CALLS_AT_ONCE) * CALL_MS;
    for (const done of ends_at) done();
    ends_at = [];
    flush(took_ms);
    busy[busy.indexOf(free)] = world.now() + took_ms;
    result.turns++;
    const last = result.posted.at(-1);
    if (result.posted.length === before && before % A_DAY === 0 && last && world.now() > last.at + QUARTER_MS)
      result.idle_turns++;
  }
  return { ...result, seconds: (performance.now() - began) / 1000 };

  /** What a turn sent is sent when it is over. */
  function flush(took_ms: number): void {
    for (const { lane, wait_ms } of sent) world.send(lane, wait_ms + took_ms);
    sent = [];
  }
}

/** How many tweets fell into each of X's windows: one begins with the first call after the one before. */
function windowsOf(posted: readonly Posted[], length_ms: number): number[] {
  const counts: number[] = [];
  let ends_at = -Infinity;
  for (const { at } of posted) {
    if (at >= ends_at) {
      counts.push(0);
      ends_at = at + length_ms;
    }
    counts[counts.length - 1] = (counts.at(-1) ?? 0) + 1;
  }
  return counts;
}

function usedOf(counts: readonly number[], limit: number): string {
  return counts.map((count) => `${((100 * count) / limit).toFixed(1)} %`).join(", ");
}

function span(posted: readonly Posted[]): number {
  return (posted.at(-1)?.at ?? 0) - (posted[0]?.at ?? 0);
}

function hours(ms: number): string {
  return `${(ms / HOUR_MS).toFixed(1)} h`;
}
