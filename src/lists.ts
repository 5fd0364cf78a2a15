import { z } from "zod";
import { isId, type IdPrefix } from "#core/lib/ids";
import { shard, shards } from "#core/store/shard";
import { all } from "#core/store/sql";
import type { App } from "./app.ts";

/** The parameters that every list takes, over ids of that prefix. */
export const pageFields = (prefix: IdPrefix) => ({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z
    .string()
    .refine((text) => isId(prefix, text), "Not a cursor of this list")
    .optional(),
});

/** A page of a list. A short page may have a cursor: a rare filter looks at a bounded number of rows a time. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({ data: z.array(item), has_more: z.boolean(), next_cursor: z.string().nullable() });

/** What each database has of a list. */
export const everywhere = <Row>(app: App, list: (db: D1Database) => D1PreparedStatement): Promise<Row[][]> =>
  Promise.all(
    shards(app.databases).map(async (name) => {
      const db = shard(app.databases, name);
      return db ? all<Row>(list(db)) : [];
    }),
  );

/** A page of what the databases have. Each was asked for one more than `limit`, so that it is known whether there is more. */
export function pageFrom<Row extends { id: string }>(
  parts: Row[][],
  limit: number,
  first: "oldest" | "newest",
): { rows: Row[]; has_more: boolean; next_cursor: string | null } {
  const up = first === "oldest" ? 1 : -1;
  const sorted = parts.flat().sort((a, b) => (a.id < b.id ? -up : up));
  const rows = sorted.slice(0, limit);
  const has_more = sorted.length > limit;
  return { rows, has_more, next_cursor: has_more ? (rows.at(-1)?.id ?? null) : null };
}
