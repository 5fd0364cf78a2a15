/** Which of a client's dead jobs: those from the id `from` to below `before`, with these columns. null: any. */
export type DeadFilter = {
  from: string;
  before: string;
  kind: string | null;
  account_id: string | null;
  /** The code of the error it died of. */
  code: string | null;
  /** Of these alone. */
  ids: readonly string[] | null;
};

/** Which of them a caller may reach: no job of these kinds, and of these accounts alone (null: all of the client's). */
export type DeadScope = { hidden: readonly string[]; accounts: readonly string[] | null };

export type DeadOrder = "newest" | "oldest";

/** How many dead jobs are looked at before a short page is returned. */
export const DEAD_EXAMINES = 5000;

const directionOf = (order: DeadOrder): string => (order === "newest" ? "DESC" : "ASC");

const WITHIN = "client_id = ?1 AND state = 'dead' AND id >= ?2 AND id < ?3";

/**
 * Dead jobs of a client in the order of their ids: whole rows, or as much as redriving them needs. A rare filter may find fewer
 * than `limit` although there are more: `edge` says where to go on.
 */
export const list = (
  db: D1Database,
  clientId: string,
  filter: DeadFilter,
  scope: DeadScope,
  of: { columns: "*" | "id, kind"; order: DeadOrder; limit: number },
): D1PreparedStatement => {
  const columns = of.columns === "*" ? "*" : "id, kind, account_id, error";
  const examined =
    filter.ids === null
      ? `SELECT ${columns} FROM jobs INDEXED BY jobs_dead WHERE ${WITHIN}
          ORDER BY id ${directionOf(of.order)} LIMIT ${DEAD_EXAMINES}`
      : `SELECT ${columns} FROM jobs WHERE ${WITHIN} AND id IN (SELECT value FROM json_each(?9))
          ORDER BY id ${directionOf(of.order)}`;
  const values = [
    clientId,
    filter.from,
    filter.before,
    filter.kind,
    filter.account_id,
    filter.code,
    JSON.stringify(scope.hidden),
    scope.accounts === null ? null : JSON.stringify(scope.accounts),
    filter.ids === null ? null : JSON.stringify(filter.ids),
    of.limit,
  ];
  return db
    .prepare(
      `SELECT ${of.columns} FROM (${examined})
        WHERE (?4 IS NULL OR kind = ?4) AND (?5 IS NULL OR account_id = ?5) AND (?6 IS NULL OR error ->> 'code' = ?6)
          AND kind NOT IN (SELECT value FROM json_each(?7))
          AND (?8 IS NULL OR account_id IN (SELECT value FROM json_each(?8))) 
          AND (?9 IS NULL OR id IN (SELECT value FROM json_each(?9)))
        LIMIT ?10`,
    )
    .bind(...values);
};

/** The last id that `list` looked at, if it stopped for having looked at enough. */
export const edge = (
  db: D1Database,
  clientId: string,
  filter: DeadFilter,
  order: DeadOrder,
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT id FROM jobs INDEXED BY jobs_dead WHERE ${WITHIN} ORDER BY id ${directionOf(order)}
        LIMIT 1 OFFSET ${DEAD_EXAMINES - 1}`,
    )
    .bind(clientId, filter.from, filter.before);
