import type { Clock } from "#core/lib/clock";
import { shardOf } from "#core/lib/ids";
import * as endpoints from "#core/store/endpoints";
import type { EndpointRow } from "#core/store/endpoints";
import * as events from "#core/store/events";
import type { TellingRow } from "#core/store/events";
import { shard, type Databases } from "#core/store/shard";

/** What is to be sent where, as far as its database knows it. */
export type Asked = { client_id: string; event_id: string; endpoint_id: string | null };

/** What is known of it; null is not there. */
export type Known = { event: TellingRow | null; endpoint: EndpointRow | null };

export type Lookup = (asked: Asked) => Promise<Known>;

type Waiter = { asked: Asked; resolve: (known: Known) => void; reject: (reason: unknown) => void };

/**
 * Looks up what deliveries are about. A commit sets many going at once: what is asked in the same breath is one question to its
 * database, for a question costs more than the rows that it finds.
 */
export function createLookup({ databases, clock }: { databases: Databases; clock: Clock }): Lookup {
  let waiting: Waiter[] = [];

  async function answer(): Promise<void> {
    await clock.sleep(0);
    const all = waiting;
    waiting = [];
    for (const [name, some] of Map.groupBy(all, ({ asked }) => shardOf(asked.event_id)))
      try {
        const known = await find(shard(databases, name), some);
        for (const { asked, resolve } of some) resolve(known(asked));
      } catch (error) {
        for (const { reject } of some) reject(error);
      }
  }

  return (asked) =>
    new Promise((resolve, reject) => {
      if (waiting.push({ asked, resolve, reject }) === 1) void answer();
    });
}

async function find(db: D1Database | null, some: Waiter[]): Promise<(asked: Asked) => Known> {
  if (!db) throw new Error("no database for these events");
  const keyOf = (client_id: string, id: string) => `${client_id} ${id}`;
  const needed = new Map(
    some.flatMap(({ asked: { client_id, endpoint_id: id } }) =>
      id === null ? [] : [[keyOf(client_id, id), { client_id, id }]],
    ),
  );
  const told = some.map(({ asked: { client_id, event_id: id } }) => ({ client_id, id }));
  const [found, there] = await db.batch<{ client_id: string; id: string }>([
    events.findAll(db, told),
    ...(needed.size > 0 ? [endpoints.findAll(db, [...needed.values()])] : []),
  ]);
  const rows = new Map(
    [...(found?.results ?? []), ...(there?.results ?? [])].map((row) => [keyOf(row.client_id, row.id), row]),
  );
  return ({ client_id, event_id, endpoint_id }) => ({
    event: (rows.get(keyOf(client_id, event_id)) as TellingRow | undefined) ?? null,
    endpoint: (rows.get(keyOf(client_id, endpoint_id ?? "")) as EndpointRow | undefined) ?? null,
  });
}
