/**
 * What the statements share. `?1` is always the time: epoch ms, or NULL for D1's own clock, so that Workers whose clocks
 * differ agree on what is due.
 */
export const NOW = "coalesce(?1, cast(round(unixepoch('subsec') * 1000) as integer))";

/** The first open job of a lane, in the order in which a lane is worked. Read from the index alone. */
export const headOf = (lane: string): string =>
  `(SELECT h.id FROM jobs AS h WHERE h.lane = ${lane} AND h.open = 1 ORDER BY h.due_at, h.id LIMIT 1)`;

/** Whether every gate of a lane is open. `lanes` must be in scope. */
export const GATES_OPEN = `NOT EXISTS (
  SELECT 1 FROM json_each(lanes.gates) AS name JOIN gates ON gates.name = name.value WHERE gates.open_at > ${NOW})`;

/** All rows of a statement. */
export const all = async <Row>(statement: D1PreparedStatement): Promise<Row[]> =>
  (await statement.all<Row>()).results;

/** The first row of a statement, or null. */
export const first = <Row>(statement: D1PreparedStatement): Promise<Row | null> => statement.first<Row>();
