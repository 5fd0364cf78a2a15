/**
 * Everything that can go wrong, in virtual time and by seed: X acts and does not say so, says 5xx and 429, the queue loses and doubles messages,
 * D1 fails before and after a commit, Workers die at any step. At the end X's own books are compared with what was accepted.
 * A seed fixes the whole run: the same one gives the same tweets, faults and deaths in the same order, and the same fingerprint.
 * Only the names of leases and events are new each time. With `--outages` parts of X are down wholly for some minutes as well.
 *
 *   npm run bench chaos [tweets] [accounts] [seed ...] [--outages]
 */
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { stage } from "#core/jobs/stage";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "#core/lib/clock";
import type { Entropy } from "#core/lib/ids";
import type { JobRow } from "#core/store/jobs";
import type { Counts } from "#core/store/tallies";
import { createMortal } from "../test/support/mortal.ts";
import { seeded } from "../test/support/seeded.ts";
import { troubledDatabase, troubledQueue } from "../test/support/troubled.ts";
import { FAULTS, POSTS, SHARES, type Trouble } from "../test/support/troubles.ts";
import { createWorld, openSecret, START } from "../test/virtual/world.ts";
import { table } from "../scripts/table.ts";
import { createOutages, OUTAGES } from "./outages.ts";
import { spread, verdictLines, verdictOf, waitsOf, type Fate } from "./verdict.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { outages: { type: "boolean", default: false } },
});
const [TWEETS = 10_000, ACCOUNTS = 200, ...asked] = positionals.map(Number);
const SEEDS = asked.length > 0 ? asked : [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/** All are due within this time, those of an account one after the other. */
const DUE_MS = 30 * MINUTE_MS;
const END_MS = 12 * HOUR_MS;
const WORKER_DIES = 0.02;
const STEPS_OF_A_TURN = 40;
/** One in a hundred is hidden from timelines for longer than anybody looks. */
const HIDDEN = "13 of seed";

for (const seed of SEEDS) await run(seed);
process.exit(0);

async function run(seed: number): Promise<void> {
  const chance = seeded(seed);
  const entropy: Entropy = (bytes) => Uint8Array.from({ length: bytes }, () => Math.floor(chance() * 256));
  const began = performance.now();
  const met: Record<Trouble | "death", number> = {
    "message lost": 0,
    "message doubled": 0,
    "commit failed": 0,
    "commit not answered": 0,
    death: 0,
  };
  const troubles = { chance, shares: SHARES, onTrouble: (trouble: Trouble) => (met[trouble] += 1) };
  /** When a job was first left running by a Worker that died. */
  const left = new Map<string, number>();
  // X knows no limits here, and what is lost must not be taken for what waits for tomorrow.
  const world = await createWorld({
    random: chance,
    entropy,
    ring: openSecret,
    ends_when_quiet: true,
    app_windows: {},
  });
  const { db, simulator } = world;
  const queue = troubledQueue(world.queue, troubles);
  const outages = createOutages(simulator, db, START, options.outages ? OUTAGES : [], [
    ...FAULTS.map(([probability, fault]) => ({ match: POSTS, probability, fault })),
  ]);
  const healthy = world.worker({ queue });
  await prepare();
  simulator.setSettings({ limits: "off", hide: [{ text: HIDDEN, ms: 1_000 * HOUR_MS }] });

  let tick = START;
  for (let rest = TWEETS; rest > 0 && world.now() < START + END_MS;) {
    world.goTo(Math.min(tick, outages.next(world.now()), world.next()));
    outages.at(world.now());
    if (world.now() >= tick) {
      await stage(healthy).catch(() => undefined);
      tick += MINUTE_MS;
      rest = await unfinished();
    }
    await deliver();
  }
  await report();

  /** Users, their accounts, and every tweet taken by the producer. */
  async function prepare(): Promise<void> {
    const ids: string[] = [];
    for (let i = 0; i < ACCOUNTS; i++) ids.push((await world.connect(`u_${i}`)).account);
    const each = Math.ceil(TWEETS / ACCOUNTS);
    for (let i = 0; i < TWEETS; i++) {
      const account_id = ids[i % ACCOUNTS] ?? "";
      const run_at = START + SECOND_MS + Math.floor((Math.floor(i / ACCOUNTS) * DUE_MS) / each);
      const params = { account_id, text: `tweet ${i} of seed ${seed}` };
      await world.post("tweet.create", params, run_at);
    }
  }

  /** What is due, in batches, each by a Worker that may die. */
  async function deliver(): Promise<void> {
    for (let batch = world.take(); batch !== null; batch = world.take()) {
      const dies = chance() < WORKER_DIES;
      const step = dies ? 1 + Math.floor(chance() * STEPS_OF_A_TURN) : Infinity;
      const mortal = createMortal({ step, when: chance() < 0.5 ? "before" : "after" });
      let isDead = false;
      const worker = world.worker({
        database: (inner) => mortal.database(troubledDatabase(inner, troubles)),
        network: (request) => mortal.step(() => simulator.fetch(request)),
        queue,
        // Who is dead may still throw dice when a timer of its own has run out: not ours, or no seed would give the same run twice.
        random: () => (isDead ? 0.5 : chance()),
      });
      const turn = world.turn(batch, worker);
      const ended = await Promise.race([turn.then(() => "ended"), mortal.died.then(() => "died")]);
      isDead = ended === "died";
      if (isDead) await bury();
      await outages.look();
    }
  }

  /** Note what a dead Worker leaves: only one lives at a time, so whatever runs is of the dead. */
  async function bury(): Promise<void> {
    met.death++;
    const { results } = await db.prepare("SELECT id FROM jobs WHERE state = 'running'").all<{ id: string }>();
    for (const { id } of results) if (!left.has(id)) left.set(id, world.now());
  }

  async function unfinished(): Promise<number> {
    const found = await db
      .prepare("SELECT count(*) AS count FROM jobs WHERE kind = 'tweet.create' AND open = 1")
      .first<{ count: number }>();
    return found?.count ?? 0;
  }

  async function report(): Promise<void> {
    const { results: rows } = await db
      .prepare("SELECT * FROM jobs WHERE kind = 'tweet.create' ORDER BY id")
      .all<JobRow>();
    const books = simulator.tweets();
    const fates = rows.map((row) => fateOf(row, left.get(row.id) ?? Infinity));
    const isHidden = (text: string) => `${text} `.includes(HIDDEN);
    const verdict = verdictOf(fates, books, (text) => Number(/^tweet (\d+)/.exec(text)?.[1]), isHidden);
    const count = (name: string, status: number) => simulator.calls().counts[name]?.[String(status)] ?? 0;
    const tallies = await db.prepare("SELECT counts FROM tallies").all<{ counts: string }>();
    const counted = (key: string): number =>
      tallies.results.reduce((sum, { counts }) => sum + ((JSON.parse(counts) as Counts)[key] ?? 0), 0);
    const answers = (name: string): number =>
      Object.entries(simulator.calls().counts["POST /2/tweets"] ?? {})
        .filter(([status]) => (status === "429" ? status : `${status.charAt(0)}xx`) === name)
        .reduce((sum, [, times]) => sum + times, 0);
    const outside = waitsOf(fates, (at) => !outages.isOn(at));
    console.log(
      `\nseed ${seed}${options.outages ? ", with outages" : ""}\n${table([
        ...verdictLines(verdict),
        [
          "succeeded: in the table, counted for /metrics",
          `${rows.filter(({ state }) => state === "succeeded").length}, ${counted("ended|tweet.create|succeeded")}`,
        ],
        ...["2xx", "429", "4xx", "5xx"].map((name): [string, string] => [
          `answers of ${name} to POST /2/tweets: X's books, counted`,
          `${answers(name)}, ${counted(`calls|POST /2/tweets|${name}`)}`,
        ]),
        ["Workers that died on a tweet, counted", counted("outcomes|tweet.create|crashed")],
        ["from fault to truth, p50 and p95, simulated", spread(waitsOf(fates))],
        ...(options.outages ? [["the same, of faults outside an outage", spread(outside)] as const] : []),
        ["reads spent: looks at X", count("GET /2/users/:id/tweets", 200)],
        ["second posts that X called duplicates", count("POST /2/tweets", 403)],
        ...outages.lines(),
        ["messages lost, doubled", `${met["message lost"]}, ${met["message doubled"]}`],
        [
          "commits that failed, that were not answered",
          `${met["commit failed"]}, ${met["commit not answered"]}`,
        ],
        ["Workers that died", met.death],
        ["simulated time", `${Math.round((world.now() - START) / MINUTE_MS)} min`],
        ["wall time", `${((performance.now() - began) / 1000).toFixed(0)} s`],
        [
          "fingerprint",
          fingerprint([books, rows.map(({ id, state, attempts, log }) => [id, state, attempts, log])]),
        ],
      ])}`,
    );
  }
}

type LogEntry = { at: number; outcome: string };

/** What became of a job; `left_at`: when a Worker first died over it. */
function fateOf(row: JobRow, left_at: number): Fate {
  const lost = (JSON.parse(row.log) as LogEntry[]).find(({ outcome }) => outcome === "lost");
  const unclear_at = Math.min(lost?.at ?? Infinity, left_at);
  return {
    text: (JSON.parse(row.params) as { text: string }).text,
    state: row.state,
    is_at_rest: row.open === null,
    tweet_id: row.result === null ? null : (JSON.parse(row.result) as { tweet_id: string }).tweet_id,
    finished_at: row.finished_at,
    unclear_at: unclear_at === Infinity ? null : unclear_at,
  };
}

/** The same for runs that went the same way. */
function fingerprint(facts: unknown): string {
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 16);
}
