/**
 * What is sealed for good, wherever it stands: a line for each column, with the ring that seals it. `version` is part of the place
 * a text is sealed for; where there is none it is 0. `key` is the table's own. `everywhere`: each row stands on every database.
 */
const COLUMNS = {
  accounts: {
    ring: "tokens",
    table: "accounts",
    key: ["id"],
    sealed: "token",
    version: "token_version",
    everywhere: false,
  },
  apps: { ring: "tokens", table: "apps", key: ["id"], sealed: "secret", version: "0", everywhere: false },
  endpoints: {
    ring: "webhooks",
    table: "endpoints",
    key: ["client_id", "id"],
    sealed: "secret",
    version: "0",
    everywhere: true,
  },
  endpoints_old: {
    ring: "webhooks",
    table: "endpoints",
    key: ["client_id", "id"],
    sealed: "old_secret",
    version: "0",
    everywhere: true,
  },
  clients: {
    ring: "webhooks",
    table: "clients",
    key: ["id"],
    sealed: "webhook_secret",
    version: "0",
    everywhere: false,
  },
  clients_old: {
    ring: "webhooks",
    table: "clients",
    key: ["id"],
    sealed: "old_webhook_secret",
    version: "0",
    everywhere: false,
  },
} as const;

export type SealedTable = keyof typeof COLUMNS;

/** The rings that seal: TOKEN_KEYS and WEBHOOK_KEYS. */
export type SealingRing = (typeof COLUMNS)[SealedTable]["ring"];

/** What a ring seals. */
export const sealedBy = (ring: SealingRing): SealedTable[] =>
  (Object.keys(COLUMNS) as SealedTable[]).filter((name) => COLUMNS[name].ring === ring);

/** Whether a row stands on every database, with the same text. */
export const isEverywhere = (name: SealedTable): boolean => COLUMNS[name].everywhere;

/** `sealed` is null where nothing is kept, as of a disconnected account or a public app. `client_id` where it is part of the key. */
export type SealedRow = { client_id?: string; id: string; version: number; sealed: string | null };

const columnsOf = (name: SealedTable): string => {
  const { key, version, sealed } = COLUMNS[name];
  return `${key.join(", ")}, ${version} AS version, ${sealed} AS sealed`;
};

/** Where a row stands in its table: its key as one text, and the parts of such a text. */
export const positionOf = ({ client_id, id }: SealedRow): string =>
  client_id === undefined ? id : `${client_id}-${id}`;
const partsOf = (name: SealedTable, position: string): string[] =>
  COLUMNS[name].key.map((_, index) => position.split("-")[index] ?? "");

/** A table's rows behind a position, also those that keep nothing, so that no page reads more rows than its limit. */
export const page = (
  db: D1Database,
  name: SealedTable,
  after: string,
  limit: number,
): D1PreparedStatement => {
  const { table, key } = COLUMNS[name];
  return db
    .prepare(
      `SELECT ${columnsOf(name)} FROM ${table} WHERE (${key.join(", ")}) > (${key.map(() => "?").join(", ")})
        ORDER BY ${key.join(", ")} LIMIT ?`,
    )
    .bind(...partsOf(name, after), limit);
};

/** A sealed text from one end of a table, looked for among the outermost rows only. */
export const sample = (
  db: D1Database,
  name: SealedTable,
  end: "oldest" | "youngest",
  among: number,
): D1PreparedStatement => {
  const { table, key } = COLUMNS[name];
  const order = key.map((column) => `${column} ${end === "oldest" ? "ASC" : "DESC"}`).join(", ");
  return db
    .prepare(
      `SELECT * FROM (SELECT ${columnsOf(name)} FROM ${table} ORDER BY ${order} LIMIT ?)
        WHERE sealed IS NOT NULL LIMIT 1`,
    )
    .bind(among);
};

/** Put another sealing of the same in a row's place. A row that has moved meanwhile stays as it is. */
export const replace = (
  db: D1Database,
  name: SealedTable,
  row: SealedRow,
  fresh: string,
): D1PreparedStatement => {
  const { table, key, version, sealed } = COLUMNS[name];
  return db
    .prepare(
      `UPDATE ${table} SET ${sealed} = ? WHERE (${key.join(", ")}) = (${key.map(() => "?").join(", ")})
          AND ${version} = ? AND ${sealed} = ?`,
    )
    .bind(fresh, ...partsOf(name, positionOf(row)), row.version, row.sealed);
};
