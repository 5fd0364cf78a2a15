/**
 * What is sealed for good, wherever it stands: a table is a line here. `version` is part of the place a text is sealed for;
 * where there is none it is 0.
 */
const COLUMNS = {
  accounts: { sealed: "token", version: "token_version" },
  apps: { sealed: "secret", version: "0" },
} as const;

export type SealedTable = keyof typeof COLUMNS;

export const sealedTables = Object.keys(COLUMNS) as SealedTable[];

/** `sealed` is null where nothing is kept, as of a disconnected account or a public app. */
export type SealedRow = { id: string; version: number; sealed: string | null };

const columnsOf = (table: SealedTable): string =>
  `id, ${COLUMNS[table].version} AS version, ${COLUMNS[table].sealed} AS sealed`;

/** A table's rows behind an id, also those that keep nothing, so that no page reads more rows than its limit. */
export const page = (db: D1Database, table: SealedTable, after: string, limit: number): D1PreparedStatement =>
  db.prepare(`SELECT ${columnsOf(table)} FROM ${table} WHERE id > ? ORDER BY id LIMIT ?`).bind(after, limit);

/** A sealed text from one end of a table, looked for among the outermost rows only. */
export const sample = (
  db: D1Database,
  table: SealedTable,
  end: "oldest" | "youngest",
  among: number,
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT * FROM (SELECT ${columnsOf(table)} FROM ${table} ORDER BY id ${end === "oldest" ? "ASC" : "DESC"} LIMIT ?)
        WHERE sealed IS NOT NULL LIMIT 1`,
    )
    .bind(among);

/** Put another sealing of the same in a row's place. A row that has moved meanwhile stays as it is. */
export const replace = (
  db: D1Database,
  table: SealedTable,
  row: SealedRow,
  fresh: string,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE ${table} SET ${COLUMNS[table].sealed} = ?4
        WHERE id = ?1 AND ${COLUMNS[table].version} = ?2 AND ${COLUMNS[table].sealed} = ?3`,
    )
    .bind(row.id, row.version, row.sealed, fresh);
