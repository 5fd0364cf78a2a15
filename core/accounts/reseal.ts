import type { Ring } from "#core/lib/seal";
import * as sealed from "#core/store/sealed";
import { sealedTables, type SealedRow, type SealedTable } from "#core/store/sealed";
import { shard, shards, type Databases } from "#core/store/shard";
import { all } from "#core/store/sql";
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

/** A database, one of its tables, and the id that was looked at last. */
type Position = { shard: string; table: SealedTable; after: string };

/** The additional data under which a row's text is sealed. */
export const placeOf = (table: SealedTable, row: Pick<SealedRow, "id" | "version">): string =>
  ({ accounts: pairPlace(row.id, row.version), apps: appPlace(row.id) })[table];

/** One step. Null when there is no such place to go on from. */
export async function reseal(
  { databases, ring }: { databases: Databases; ring: Ring },
  cursor: string | null,
  limit: number,
): Promise<Resealed | null> {
  const position = cursor === null ? firstOf(databases) : readCursor(cursor);
  const db = position && shard(databases, position.shard);
  if (!position || !db) return null;
  const { table, after } = position;
  const rows = await all<SealedRow>(sealed.page(db, table, after, limit));
  const last = rows.length < limit ? undefined : rows.at(-1);
  const next = last ? { ...position, after: last.id } : nextTable(databases, position);
  return {
    key: ring.newest,
    ...(await resealRows(db, ring, table, rows)),
    next_cursor: next && `${next.shard}.${next.table}.${next.after}`,
  };
}

async function resealRows(db: D1Database, ring: Ring, table: SealedTable, rows: SealedRow[]) {
  const unreadable: string[] = [];
  const changes: D1PreparedStatement[] = [];
  let examined = 0;
  for (const row of rows) {
    if (row.sealed === null) continue;
    examined++;
    const place = placeOf(table, row);
    // Also what the newest key sealed is opened: another key may stand under its id now.
    const plain = await ring.open(row.sealed, place).catch(() => null);
    if (plain === null) unreadable.push(row.id);
    else if (!ring.isNewest(row.sealed))
      changes.push(sealed.replace(db, table, row, await ring.seal(plain, place)));
  }
  const results = changes.length === 0 ? [] : await db.batch(changes);
  const resealed = results.filter(({ meta }) => meta.changes > 0).length;
  return { examined, resealed, moved: changes.length - resealed, unreadable };
}

const firstOf = (databases: Databases): Position | null => inOrder(databases)[0] ?? null;

/** The beginning of the next table, or of the next database's first one. */
function nextTable(databases: Databases, { shard, table }: Position): Position | null {
  const order = inOrder(databases);
  const here = order.findIndex((one) => one.shard === shard && one.table === table);
  return order[here + 1] ?? null;
}

const inOrder = (databases: Databases): Position[] =>
  shards(databases).flatMap((shard) => sealedTables.map((table) => ({ shard, table, after: "" })));

function readCursor(cursor: string): Position | null {
  const [, shard = "", name, after = ""] = /^([0-9a-z])\.([a-z]+)\.([A-Za-z0-9_]{0,40})$/.exec(cursor) ?? [];
  const table = sealedTables.find((one) => one === name);
  return table ? { shard, table, after } : null;
}
