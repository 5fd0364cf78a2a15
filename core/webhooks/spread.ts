import { shardOf } from "#core/lib/ids";
import * as endpoints from "#core/store/endpoints";
import type { EndpointRow } from "#core/store/endpoints";
import * as gates from "#core/store/gates";
import { shard, shards } from "#core/store/shard";
import { all, first } from "#core/store/sql";
import { endpointGate, type Caring } from "./endpoint-health.ts";

/** So many are copied by one statement: of the largest, which name a thousand accounts, that is 1.5 MB, and D1 takes 2. */
const PAGE = 50;

type Bound = { name: string; db: D1Database };

/**
 * Bring the endpoints to databases that have fewer than others: one that was bound only now has none, and what happens on it
 * would be told to nobody. What an endpoint is stands on its client's own database. Returns how many were copied.
 */
export async function spreadEndpoints(by: Caring): Promise<number> {
  const names = shards(by.databases);
  if (names.length < 2) return 0;
  const bound = names.flatMap((name) => ({ name, db: shard(by.databases, name) ?? by.databases.DB }));
  const counts = await Promise.all(
    bound.map(async ({ db }) => (await first<{ count: number }>(endpoints.total(db)))?.count ?? 0),
  );
  const most = Math.max(...counts);
  let copied = 0;
  for (const [index, lacking] of bound.entries())
    if ((counts[index] ?? 0) < most)
      for (const home of bound) if (home !== lacking) copied += await copy(by, home, lacking.db);
  if (copied > 0) by.log("endpoints.spread", { endpoints: copied });
  return copied;
}

/** Copy those of a database's own clients that another lacks. */
async function copy(by: Caring, home: Bound, db: D1Database): Promise<number> {
  let copied = 0;
  let after = { client_id: "", id: "" };
  for (;;) {
    const page = await all<EndpointRow>(endpoints.page(home.db, after, PAGE));
    const last = page.at(-1);
    if (last === undefined) return copied;
    const own = page.filter(({ client_id }) => shardOf(client_id) === home.name);
    const fresh = await all<Copied>(endpoints.insertMissing(db, own));
    if (fresh.length > 0) await settle(by, home.db, db, fresh);
    copied += fresh.length;
    after = { client_id: last.client_id, id: last.id };
  }
}

type Copied = Pick<EndpointRow, "client_id" | "id" | "updated_at">;

/** What was changed or deleted while it was copied is taken back: the next tick copies what it is then. */
async function settle(by: Caring, home: D1Database, db: D1Database, copied: Copied[]): Promise<void> {
  const now = await all<EndpointRow>(endpoints.findAll(home, copied));
  const asCopied = (one: Copied) =>
    now.find(({ client_id, id }) => client_id === one.client_id && id === one.id)?.updated_at ===
    one.updated_at;
  const stale = copied.filter((one) => !asCopied(one));
  const disabled = now.filter((row) => row.state === "disabled");
  const statements = [
    ...stale.map((one) => endpoints.remove(db, one)),
    ...disabled.map((row) => gates.shut(db, by.clock.stored(), endpointGate(row), "endpoint_disabled")),
  ];
  if (statements.length > 0) await db.batch(statements);
}
