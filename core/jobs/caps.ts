import * as caps from "#core/store/caps";
import type { Capped } from "#core/store/caps";
import { shard, shards } from "#core/store/shard";
import type { Engine } from "./engine.ts";
import type { Wake } from "./wake.ts";

type Needs = Pick<Engine, "databases" | "clock" | "kinds">;

/**
 * Set what an account may cost in a day, or null: as much as it likes. `change` writes it on the account's row, in the same
 * transaction. Returns the lanes that may go on.
 */
export async function capAccount(
  { databases, clock, kinds }: Needs,
  account: { id: string; client_id: string },
  cap: number | null,
  change: D1PreparedStatement[],
): Promise<Wake[]> {
  const db = shard(databases, account.id);
  if (db === null) throw new Error("no database for this account");
  const whose = { client_id: account.client_id, account_id: account.id, lane_names: kinds.laneNames };
  const now = clock.stored();
  const set =
    cap === null ? [caps.remove(db, whose)] : [caps.put(db, now, whose, cap), caps.stop(db, now, whose)];
  return lanesOf(await db.batch([...change, ...set, ...opened(db, now, whose)]));
}

/**
 * The same for a client, over all databases. Its own one is told first that less may be spent, and that more may be spent once
 * all others know; so it may be broken off anywhere, and sent again.
 */
export async function capClient(
  { databases, clock, kinds }: Needs,
  clientId: string,
  cap: number | null,
  change: D1PreparedStatement[],
): Promise<Wake[]> {
  const home = shard(databases, clientId);
  if (home === null) throw new Error("no database for this client");
  const whose: Capped = { client_id: clientId, account_id: null, lane_names: kinds.laneNames };
  const now = clock.stored();
  const others = shards(databases)
    .map((name) => shard(databases, name))
    .filter((db) => db !== null && db !== home) as D1Database[];
  if (cap === null) {
    await home.batch([...change, caps.remove(home, whose)]);
    for (const db of others) await caps.remove(db, whose).run();
  } else {
    await home.batch([...change, caps.begin(home, now, whose, cap), caps.stop(home, now, whose)]);
    let elsewhere = 0;
    for (const db of others) {
      const [begun] = await db.batch<{ used: number }>([
        caps.beginAway(db, now, whose),
        caps.stop(db, now, whose),
      ]);
      elsewhere += begun?.results[0]?.used ?? 0;
    }
    await caps.settle(home, now, whose, elsewhere).run();
  }
  const wakes: Wake[] = [];
  for (const db of [home, ...others]) wakes.push(...lanesOf(await db.batch(opened(db, now, whose))));
  return wakes;
}

const opened = (db: D1Database, now: number | null, whose: Capped): D1PreparedStatement[] => [
  caps.hurry(db, now, whose),
  caps.open(db, whose),
];

/** What the last but one statement of a batch that ends with `opened` returned. */
const lanesOf = (results: D1Result[]): Wake[] => (results.at(-2)?.results ?? []) as Wake[];
