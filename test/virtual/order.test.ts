import { describe, expect, test } from "vitest";
import { stage } from "#core/jobs/stage";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "#core/lib/clock";
import type { JobRow } from "#core/store/jobs";
import type { FaultRule } from "../../simulator/simulator.ts";
import { createMortal } from "../support/mortal.ts";
import { seeded } from "../support/seeded.ts";
import { POSTS } from "../support/troubles.ts";
import { postBatch } from "./batches.ts";
import { createWorld, START, type World } from "./world.ts";

/** What X does to some of the posts: it says no for now, acts and does not say so, or does neither. */
const FAULTS: FaultRule[] = [
  { match: POSTS, probability: 0.1, fault: { kind: "error", status: 503, when: "before" } },
  { match: POSTS, probability: 0.1, fault: { kind: "drop", when: "after" } },
  { match: POSTS, probability: 0.1, fault: { kind: "rate_limited", headers: false } },
];

/** Let time go on until no tweet is open. A share of the Workers die at one of their steps. Returns how many. */
async function goOn(world: World, chance: () => number, dying: number): Promise<number> {
  let tick = START;
  let deaths = 0;
  while ((await open(world)) > 0 && world.now() < START + DAY_MS) {
    for (let batch = world.take(); batch !== null; batch = world.take()) {
      const step = chance() < dying ? 1 + Math.floor(chance() * 30) : Infinity;
      const mortal = createMortal({ step, when: chance() < 0.5 ? "before" : "after" });
      const worker = world.worker({
        database: mortal.database,
        network: (request) => mortal.step(() => world.simulator.fetch(request)),
      });
      await Promise.race([world.turn(batch, worker), mortal.died.then(() => deaths++)]);
    }
    world.goTo(Math.min(tick, world.next()));
    if (world.now() < tick) continue;
    await stage(world.worker());
    tick += MINUTE_MS;
  }
  return deaths;
}

const open = async ({ db }: World): Promise<number> =>
  (
    await db
      .prepare("SELECT count(*) AS count FROM jobs WHERE kind = 'tweet.create' AND open = 1")
      .first<{ count: number }>()
  )?.count ?? 0;

type Row = Pick<JobRow, "id" | "due_at" | "attempts" | "state"> & { text: string };

/** Every tweet that was taken, in the order in which its account is to post. */
const wanted = async ({ db }: World): Promise<Row[]> =>
  (
    await db
      .prepare(
        `SELECT id, due_at, attempts, state, params ->> 'text' AS text FROM jobs
          WHERE kind = 'tweet.create' ORDER BY due_at, id`,
      )
      .all<Row>()
  ).results;

/** What X has, in the order in which it came. */
const posted = ({ simulator }: World): string[] => simulator.tweets().map(({ text }) => text);

/** Forty tweets: single ones at shuffled times, some of them at the same, and a batch whose items are all due at once. */
async function take(world: World, chance: () => number): Promise<void> {
  const { account } = await world.connect("ada");
  const at = () => START + Math.floor(chance() * 10) * 30 * SECOND_MS;
  for (let n = 0; n < 10; n++)
    await world.post("tweet.create", { account_id: account, text: `single ${n}` } as never, at());
  world.goTo(world.now() + 1);
  await postBatch(
    world,
    Array.from({ length: 20 }, (_, n) => ({ account_id: account, text: `item ${n}` })),
  );
  world.goTo(world.now() + 1);
  await postBatch(
    world,
    Array.from({ length: 10 }, (_, n) => ({ account_id: account, text: `timed ${n}`, run_at: at() })),
  );
}

describe("the tweets of one account are posted once and by (due_at, id)", () => {
  const run = async (seed: number, faults: FaultRule[], dying: number) => {
    const chance = seeded(seed);
    const world = await createWorld({ random: chance });
    await take(world, chance);
    world.simulator.setFaults(faults);
    const deaths = await goOn(world, chance, dying);
    return { world, deaths, rows: await wanted(world) };
  };

  test("when nothing goes wrong, and the items of a batch in its order", async () => {
    const { world, rows } = await run(1, [], 0);
    expect(rows.length).toBe(40);
    expect(posted(world)).toEqual(rows.map(({ text }) => text));
    const items = posted(world).filter((text) => text.startsWith("item"));
    expect(items).toEqual(Array.from({ length: 20 }, (_, n) => `item ${n}`));
  });

  test.each([2, 3, 4, 5])("with retries and unclear answers before them (seed %i)", async (seed) => {
    const { world, rows } = await run(seed, FAULTS, 0);
    expect(rows.some(({ attempts }) => attempts > 1)).toBe(true);
    expect(rows.every(({ state }) => state === "succeeded")).toBe(true);
    expect(posted(world)).toEqual(rows.map(({ text }) => text));
  });

  test.each([6, 7, 8, 9])("through the deaths of Workers (seed %i)", async (seed) => {
    const { world, deaths, rows } = await run(seed, FAULTS, 0.3);
    expect(deaths).toBeGreaterThan(0);
    const dead = rows.filter(({ state }) => state !== "succeeded");
    // What three Workers died on is nobody's to order.
    expect(dead.length).toBeLessThanOrEqual(1);
    const alive = new Set(rows.filter(({ state }) => state === "succeeded").map(({ text }) => text));
    expect(posted(world).filter((text) => alive.has(text))).toEqual([...alive]);
  });
});

describe("a first tweet that backs off", () => {
  const backingOff = async (any_order: boolean) => {
    const world = await createWorld({ random: () => 0.5 });
    const { account } = await world.connect("ada");
    const post = (text: string, at: number, more = {}) =>
      world.post("tweet.create", { account_id: account, text } as never, at, more);
    await post("first", START, { any_order });
    await post("second", START + SECOND_MS);
    await post("third", START + HOUR_MS);
    world.simulator.setFaults([
      { match: { ...POSTS, text: "first" }, times: 1, fault: { kind: "error", status: 503, when: "before" } },
    ]);
    await goOn(world, () => 0.5, 0);
    return posted(world);
  };

  test("holds those behind it", async () => {
    expect(await backingOff(false)).toEqual(["first", "second", "third"]);
  });

  test("is overtaken where its order is any, and only until it is its turn again", async () => {
    expect(await backingOff(true)).toEqual(["second", "first", "third"]);
  });
});
