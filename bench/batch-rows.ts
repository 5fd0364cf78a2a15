import { stage } from "#core/jobs/stage";
import { HOUR_MS, MINUTE_MS } from "#core/lib/clock";
import { first } from "#core/store/sql";
import { postBatch } from "../test/virtual/batches.ts";
import { createWorld, START, type World } from "../test/virtual/world.ts";
import { localDatabase } from "./database.ts";
import { measured, type Bill } from "./measured.ts";

/** Rows of the accept are for each tweet that was taken, those of the rest for each that was posted. */
export type Rows = Record<"taking" | "posting", Pick<Bill, "written" | "read">> & {
  posted: number;
  refused: number;
  hours: number;
};

const A_BATCH = 10_000;

/**
 * So many tweets of one account are taken in batches, and the first `post` of them posted while the others wait: what D1 bills,
 * refreshes of the token included. Time is virtual, and so is the queue; the clock ticks where it has something to find.
 */
export async function rowsOf(tweets: number, post: number): Promise<Rows> {
  const local = await localDatabase();
  try {
    const bill: Bill = { written: 0, read: 0, statements: 0 };
    const billed = (count: number) => {
      const { written, read } = bill;
      Object.assign(bill, { written: 0, read: 0 });
      return { written: written / count, read: read / count };
    };
    const world = await createWorld({ db: measured(local.db, bill) });
    const { account } = await world.connect("ada");
    billed(1);
    for (let from = 0; from < tweets; from += A_BATCH) {
      const count = Math.min(A_BATCH, tweets - from);
      const items = Array.from({ length: count }, (_, n) => ({
        account_id: account,
        text: `Tweet ${from + n}`,
      }));
      await postBatch(world, items);
      // Batches of one millisecond have no order among them.
      world.goTo(world.now() + 1);
    }
    const taking = billed(tweets);
    const posted = () => world.simulator.tweetPage().total;
    await goOn(world, local.db, () => posted() >= post);
    return {
      taking,
      posting: billed(posted()),
      posted: posted(),
      refused: world.simulator.calls().counts["POST /2/tweets"]?.["429"] ?? 0,
      hours: (world.now() - START) / HOUR_MS,
    };
  } finally {
    await local.close();
  }
}

/** Turns and ticks, until after a turn it is so. */
async function goOn(world: World, db: D1Database, isSo: () => boolean): Promise<void> {
  const worker = world.worker();
  for (;;) {
    for (let batch = world.take(); batch !== null; batch = world.take()) await world.turn(batch, worker);
    if (isSo()) return;
    const next = Math.min(world.next(), (await nextLane(db)) - MINUTE_MS);
    if (next === Infinity) throw new Error("nothing is left to be done");
    world.goTo(Math.max(next, world.now() + 1));
    if (world.next() > world.now()) await stage(worker);
  }
}

/** When the clock would next find something; this look is not billed. */
async function nextLane(db: D1Database): Promise<number> {
  const found = await first<{ at: number | null }>(db.prepare("SELECT min(next_at) AS at FROM lanes"));
  return found?.at ?? Infinity;
}
