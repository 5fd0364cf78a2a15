/** Counts by key: what it is, then its labels, with `|` between them. */
export type Counts = Record<string, number>;

/** A function of D1's takes at most 32 arguments. */
const PAIRS_A_CALL = 15;

/** What is counted of a lane. */
export type Counted = { lane: string; counts: Counts };

/**
 * Add counts to a row, which is made if it is not there: those of each lane for which `holds` does, given the lane's name. `?2` has
 * the names, `?3` by key its path and the number of each lane. Written out by key: of what `json_each` yields, D1 bills each as a row read.
 */
function adding(
  db: D1Database,
  name: string,
  some: Counted[],
  holds: (lane: string) => string,
  ...bound: unknown[]
): D1PreparedStatement {
  const keys = [...new Set(some.flatMap(({ counts }) => Object.keys(counts)))];
  const numbers = keys.map((key) => [`$."${key}"`, ...some.map(({ counts }) => counts[key] ?? 0)]);
  const path = (index: number): string => `?3 ->> '$[${index}][0]'`;
  const held = some.map((_, place) => `(${holds(`?2 ->> '$[${place}]'`)}) AS h${place}`);
  const number = (index: number): string =>
    some.map((_, place) => `(?3 ->> '$[${index}][${place + 1}]') * h${place}`).join(" + ");
  const sum = (index: number): string =>
    `coalesce(tallies.counts ->> (${path(index)}), 0) + (excluded.counts ->> (${path(index)}))`;
  const setIn = (json: string, value: (index: number) => string): string => {
    const pairs = keys.map((_, index) => `${path(index)}, ${value(index)}`);
    let all = json;
    for (let from = 0; from < pairs.length; from += PAIRS_A_CALL)
      all = `json_set(${all}, ${pairs.slice(from, from + PAIRS_A_CALL).join(", ")})`;
    return all;
  };
  return db
    .prepare(
      `INSERT INTO tallies (name, counts)
       SELECT ?1, ${setIn("'{}'", number)} FROM (SELECT ${held.join(", ")})
        WHERE ${some.map((_, place) => `h${place}`).join(" OR ")}
           ON CONFLICT (name) DO UPDATE SET counts = ${setIn("tallies.counts", sum)}`,
    )
    .bind(name, JSON.stringify(some.map(({ lane }) => lane)), JSON.stringify(numbers), ...bound);
}

/**
 * Count what the jobs of lanes did and came to, in one row written. Comes before the lanes are handed back and counts only while they
 * are held, so it counts exactly as often as that is written: once.
 */
export const add = (db: D1Database, some: Counted[], lease: string): D1PreparedStatement =>
  adding(
    db,
    "jobs",
    some,
    (lane) => `EXISTS (SELECT 1 FROM lanes WHERE lane = ${lane} AND lease = ?4)`,
    lease,
  );

/** Count what nothing that is written proves: it may be lost, or counted twice with a commit that is sent again. */
export const addLoose = (db: D1Database, name: string, counts: Counts): D1PreparedStatement =>
  adding(db, name, [{ lane: "", counts }], () => "?2 IS NOT NULL");

/** All there is: a few rows. */
export const all = (db: D1Database): D1PreparedStatement => db.prepare("SELECT name, counts FROM tallies");

/** Forget counts of one day by another: keys that begin with `prefix`, but for this one. */
export const forgetDays = (db: D1Database, prefix: string, but: string): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE tallies SET counts = (SELECT json_group_object(key, value) FROM json_each(tallies.counts)
                                     WHERE NOT (key GLOB ?1 || '*') OR key = ?2)
        WHERE EXISTS (SELECT 1 FROM json_each(tallies.counts) WHERE key GLOB ?1 || '*' AND key <> ?2)`,
    )
    .bind(prefix, but);
