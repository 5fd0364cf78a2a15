import { reasonOf } from "#core/lib/log";
import * as caps from "#core/store/caps";
import type { Loan, Shortage } from "#core/store/caps";
import * as clients from "#core/store/clients";
import type { ClientRow } from "#core/store/clients";
import { shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import type { Engine } from "./engine.ts";
import { wake, type Wake } from "./wake.ts";

const WAKE_LIMIT_MS = 10_000;

/**
 * Borrow what a database lacks of the caps of clients that other databases keep, and let their lanes go on. First it is taken
 * there, then given here: what is lost between is lost for the day, and never given twice. Never throws.
 */
export async function borrow(
  engine: Pick<Engine, "databases" | "clock" | "kinds" | "queues" | "log">,
  db: D1Database,
  short: Shortage[],
): Promise<void> {
  for (const shortage of short) {
    try {
      const wakes = await borrowOne(engine, db, shortage);
      if (wakes.length > 0) await wake(engine, wakes, WAKE_LIMIT_MS);
    } catch (error) {
      engine.log("cap.unreachable", { client: shortage.client_id, reason: reasonOf(error) });
    }
  }
}

async function borrowOne(
  { databases, clock, kinds }: Pick<Engine, "databases" | "clock" | "kinds">,
  db: D1Database,
  { client_id, want, least }: Shortage,
): Promise<Wake[]> {
  const home = shard(databases, client_id);
  if (home === null) throw new Error("no database is bound for this client");
  const lent = (amount: number) =>
    first<Loan>(caps.lend(home, clock.stored(), { client_id, want: amount, least: amount }));
  const loan = (await lent(want)) ?? (await lent(least));
  const whose = { client_id, account_id: null, lane_names: kinds.laneNames };
  if (loan === null && !(await isForgotten(home, client_id))) return [];
  const results = await db.batch([
    loan === null ? caps.remove(db, whose) : caps.receive(db, client_id, loan),
    caps.hurry(db, clock.stored(), whose),
    caps.open(db, whose),
  ]);
  return (results[1]?.results ?? []) as Wake[];
}

/** Whether there is no cap any more, and this database was not told. */
const isForgotten = async (home: D1Database, clientId: string): Promise<boolean> =>
  (await first<ClientRow>(clients.find(home, clientId)))?.daily_cap === null;
