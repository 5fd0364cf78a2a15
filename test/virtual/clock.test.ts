import { expect, test } from "vitest";
import { stage } from "#core/jobs/stage";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "#core/lib/clock";
import type { JobRow } from "#core/store/jobs";
import { createWorld, START, type World } from "./world.ts";

const MINUTES_MS = 5 * MINUTE_MS;

const tweet = (account_id: string, text: string) => ({ account_id, text }) as { account_id: string };
const posted = ({ simulator }: World): string[] => simulator.tweets().map(({ text }) => text);
const jobOf = async ({ db }: World, id: string): Promise<JobRow | null> =>
  db.prepare("SELECT * FROM jobs WHERE id = ?").bind(id).first<JobRow>();

/** Turns for whatever is due, by this Worker. */
async function work(world: World, worker = world.worker()): Promise<void> {
  for (let batch = world.take(); batch !== null; batch = world.take()) await world.turn(batch, worker);
}

/** Minutes go by, each with its tick. */
async function pass(world: World, ms: number): Promise<void> {
  for (const end = world.now() + ms; world.now() < end;) {
    world.goTo(Math.min(end, world.now() + MINUTE_MS));
    await stage(world.worker());
    await work(world);
    while (world.next() < world.now() + MINUTE_MS) {
      world.goTo(world.next());
      await work(world);
    }
  }
}

test("a clock that jumps two days ahead: what was due meanwhile goes out once and in order, what expired does not", async () => {
  const world = await createWorld();
  const { account } = await world.connect("ada");
  await world.post("tweet.create", tweet(account, "in a day"), START + DAY_MS);
  await world.post("tweet.create", tweet(account, "in an hour"), START + HOUR_MS);
  const late = await world.post("tweet.create", tweet(account, "in an hour or never"), START + HOUR_MS, {
    expires_at: START + 2 * HOUR_MS,
  });
  const far = await world.post("tweet.create", tweet(account, "in three days"), START + 3 * DAY_MS);
  world.goTo(START + 2 * DAY_MS);
  await pass(world, 10 * MINUTE_MS);
  expect(posted(world)).toEqual(["in an hour", "in a day"]);
  expect(await jobOf(world, late)).toMatchObject({ state: "failed", attempts: 0 });
  expect(await jobOf(world, far)).toMatchObject({ state: "queued", attempts: 0 });
});

test.each([
  ["before X has it", "before"],
  ["when X has it", "after"],
])(
  "a clock that jumps past a lease, %s: the tweet is posted once, and the next behind it",
  async (_, when) => {
    const world = await createWorld();
    const { account } = await world.connect("ada");
    const id = await world.post("tweet.create", tweet(account, "one"));
    world.goTo(START + SECOND_MS);
    await world.post("tweet.create", tweet(account, "two"));
    const other = world.worker();
    let jumped = false;
    /** While the call is under way it is ten minutes later, and somebody else takes the lane. */
    const network = async (request: Request): Promise<Response> => {
      if (jumped || request.method !== "POST") return world.simulator.fetch(request);
      jumped = true;
      const early = when === "after" ? await world.simulator.fetch(request.clone()) : null;
      await pass(world, 10 * MINUTE_MS);
      await work(world, other);
      return early ?? new Response("too late", { status: 503 });
    };
    await work(world, world.worker({ network }));
    await pass(world, 30 * MINUTE_MS);
    expect(jumped).toBe(true);
    expect(posted(world)).toEqual(["one", "two"]);
    expect(await jobOf(world, id)).toMatchObject({ state: "succeeded", crashes: 1 });
  },
);

test.each([
  ["behind", -MINUTES_MS],
  ["ahead", MINUTES_MS],
])(
  "a Worker whose clock is five minutes %s posts nothing early, nothing twice, all in order",
  async (_, off) => {
    const world = await createWorld();
    const { account } = await world.connect("ada");
    const texts = ["one", "two", "three"];
    for (const [index, text] of texts.entries())
      await world.post("tweet.create", tweet(account, text), START + (index + 1) * MINUTE_MS);
    const worker = world.worker();
    // D1's clock, by which it is decided what is due, is another.
    const wrong = { ...worker, clock: { ...worker.clock, now: () => world.now() + off } };
    const counts: number[] = [];
    for (let minute = 0; minute <= texts.length; minute++) {
      world.goTo(START + minute * MINUTE_MS);
      world.send(`tweets:${account}`);
      await work(world, wrong);
      counts.push(posted(world).length);
    }
    expect(counts).toEqual([0, 1, 2, 3]);
    expect(posted(world)).toEqual(texts);
  },
);
