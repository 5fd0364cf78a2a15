import type { Ring } from "#core/lib/seal";
import * as sealed from "#core/store/sealed";
import { sealedBy, type SealedRow, type SealedTable, type SealingRing } from "#core/store/sealed";
import { shard, shards, type Databases } from "#core/store/shard";
import { all } from "#core/store/sql";
import { secretPlace } from "#core/webhooks/secrets";
import { appPlace } from "./apps.ts";
import { pairPlace } from "./tokens.ts";

/**
 * Changing keys: everything that is sealed for good is sealed again with the newest key, a bounded step at a time. Steps may
 * be repeated, and broken off anywhere: what is sealed with the newest key already is left as it is.
 */
export type Resealed = {
  /** The id of the newest key. */
  key: string;
  examined: number;
  resealed: number;
  /** Changed by another while this step looked: sealed by whoever did, with the newest key of its own ring. */
  moved: number;
  /** Ids of what this ring does not open. Left as it is. */
  unreadable: string[];
  /** Where the next step begins; null after the last. */
  next_cursor: string | null;
};

/** Which ring it is, and the ring. */
export type Resealing = { databases: Databases; sealing: SealingRing; ring: Ring };

/** A database, one of its tables, and the row that was looked at last. */
type Position = { shard: string; table: SealedTable; after: string };

/** The additional data under which a row's text is sealed. */
export const placeOf = (table: SealedTable, row: Pick<SealedRow, "id" | "version">): string =>
  ({
    accounts: () => pairPlace(row.id, row.version),
    apps: () => appPlace(row.id),
    endpoints: () => secretPlace(row.id),
    endpoints_old: () => secretPlace(row.id),
    clients: () => secretPlace(row.id),
    clients_old: () => secretPlace(row.id),
  })[table]();

/** One step. Null when there is no such place to go on from. */
export async function reseal(
  { databases, sealing, ring }: Resealing,
  cursor: string | null,
  limit: number,
): Promise<Resealed | null> {
  const order = inOrder(databases, sealing);
  const position = cursor === null ? order[0] : readCursor(order, cursor);
  const db = position && shard(databases, position.shard);
  if (!position || !db) return null;
  const { table, after } = position;
  const rows = await all<SealedRow>(sealed.page(db, table, after, limit));
  const last = rows.length < limit ? undefined : rows.at(-1);
  const next = last ? { ...position, after: sealed.positionOf(last) } : nextOf(order, position);
  return {
    key: ring.newest,
    ...(await resealRows(databases, db, ring, table, rows)),
    next_cursor: next && `${next.shard}.${next.table}.${next.after}`,
  };
}

async function resealRows(
  databases: Databases,
  db: D1Database,
  ring: Ring,
  table: SealedTable,
  rows: SealedRow[],
) {
  const unreadable: string[] = [];
  const changes: [row: SealedRow, fresh: string][] = [];
  let examined = 0;
  for (const row of rows) {
    if (row.sealed === null) continue;
    examined++;
    const place = placeOf(table, row);
    // Also what the newest key sealed is opened: another key may stand under its id now.
    const plain = await ring.open(row.sealed, place).catch(() => null);
    if (plain === null) unreadable.push(row.id);
    else if (!ring.isNewest(row.sealed)) changes.push([row, await ring.seal(plain, place)]);
  }
  const replaceIn = (one: D1Database) =>
    one.batch(changes.map(([row, fresh]) => sealed.replace(one, table, row, fresh)));
  const results = changes.length === 0 ? [] : await replaceIn(db);
  // What has the same text on every database keeps it so.
  if (changes.length > 0 && sealed.isEverywhere(table))
    for (const name of shards(databases)) {
      const other = shard(databases, name);
      if (other && other !== db) await replaceIn(other);
    }
  const resealed = results.filter(({ meta }) => meta.changes > 0).length;
  return { examined, resealed, moved: changes.length - resealed, unreadable };
}

const inOrder = (databases: Databases, sealing: SealingRing): Position[] =>
  shards(databases).flatMap((shard) => sealedBy(sealing).map((table) => ({ shard, table, after: "" })));

/** The beginning of the next table, or of the next database's first one. */
function nextOf(order: Position[], { shard, table }: Position): Position | null {
  const here = order.findIndex((one) => one.shard === shard && one.table === table);
  return order[here + 1] ?? null;
}

function readCursor(order: Position[], cursor: string): Position | null {
  const [, shard, table, after = ""] =
    /^([0-9a-z])\.([a-z_]+)\.([A-Za-z0-9_]{0,40}(?:-[A-Za-z0-9_]{0,40})?)$/.exec(cursor) ?? [];
  const place = order.find((one) => one.shard === shard && one.table === table);
  return place ? { ...place, after } : null;
}
