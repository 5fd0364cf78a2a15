/**
 * What the statements share. `?1` is always the time: epoch ms, or NULL for D1's own clock, so that Workers whose clocks
 * differ agree on what is due.
 */
export const NOW = "coalesce(?1, cast(round(unixepoch('subsec') * 1000) as integer))";

/** The first open job of a lane, in the order in which a lane is worked. Read from the index alone. */
export const headOf = (lane: string): string =>
  `(SELECT h.id FROM jobs AS h WHERE h.lane = ${lane} AND h.open = 1 ORDER BY h.due_at, h.id LIMIT 1)`;

/**
 * A JSON list of `count` texts as a table with the column `lane`. Written out as VALUES because D1 bills each row that
 * `json_each` yields as a row read, and the NULL row because a table of one constant row would be materialized, and billed.
 */
export const namesIn = (parameter: string, count: number): string => {
  const rows = Array.from({ length: count }, (_, index) => `(${parameter} ->> ${index})`);
  return `(SELECT column1 AS lane FROM (VALUES ${rows.join(",")}, (NULL)))`;
};

/** More rows than this are read by `json_each`: the text of a statement is bounded. */
const WRITTEN_OUT = 100;

/** A JSON list of `count` objects as a table with these columns: written out as above while it is short. */
export function rowsIn(parameter: string, columns: readonly string[], count: number): string {
  const names = columns.map((name, index) => `column${index + 1} AS ${name}`);
  if (count > WRITTEN_OUT) {
    const values = columns.map((name) => `value ->> '${name}' AS ${name}`);
    return `(SELECT ${values.join(", ")} FROM json_each(${parameter}))`;
  }
  const row = (index: number) => columns.map((name) => `${parameter} ->> '$[${index}].${name}'`).join(", ");
  const rows = Array.from({ length: count }, (_, index) => `(${row(index)})`);
  const none = columns.map(() => "NULL").join(", ");
  return `(SELECT ${names.join(", ")} FROM (VALUES ${rows.join(", ")}, (${none})))`;
}

const gateClosed = (index: number): string =>
  `EXISTS (SELECT 1 FROM gates WHERE gates.name = lanes.gates ->> ${index} AND gates.open_at > ${NOW})`;

/** A lane has at most this many gates. Each is one lookup, and free while it has no row. */
export const GATES_A_LANE = 4;

/** Whether every gate of a lane is open. `lanes` must be in scope. */
export const GATES_OPEN = `NOT (${Array.from({ length: GATES_A_LANE }, (_, index) => gateClosed(index)).join(" OR ")})`;

/** Whether a text stands in a JSON list of plain names. */
export const isIn = (parameter: string, column: string): string =>
  `instr(${parameter}, '"' || ${column} || '"') > 0`;

/** All rows of a statement. */
export const all = async <Row>(statement: D1PreparedStatement): Promise<Row[]> =>
  (await statement.all<Row>()).results;

/** The first row of a statement, or null. */
export const first = <Row>(statement: D1PreparedStatement): Promise<Row | null> => statement.first<Row>();

/** Asks nothing of the database but an answer. */
export const ping = (db: D1Database): D1PreparedStatement => db.prepare("SELECT 1");
