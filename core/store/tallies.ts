/** Counts by key: what it is, then its labels, with `|` between them. */
export type Counts = Record<string, number>;

/** A function of D1's takes at most 32 arguments. */
const PAIRS_A_CALL = 15;

/**
 * Add counts to a row, which is made if it is not there. `?1` its name, `?2` the counts, `?3` the same as pairs of path and number.
 * Written out by key: of what `json_each` yields, D1 bills each as a row read.
 */
function adding(
  db: D1Database,
  name: string,
  counts: Counts,
  condition: string,
  ...bound: unknown[]
): D1PreparedStatement {
  const pairs = Object.entries(counts).map(([key, value]) => [`$."${key}"`, value]);
  let sum = "tallies.counts";
  for (let from = 0; from < pairs.length; from += PAIRS_A_CALL) {
    const more = pairs.slice(from, from + PAIRS_A_CALL).map((_, index) => {
      const [path, value] = [0, 1].map((place) => `?3 ->> '$[${from + index}][${place}]'`);
      return `${path}, coalesce(tallies.counts ->> (${path}), 0) + (${value})`;
    });
    sum = `json_set(${sum}, ${more.join(", ")})`;
  }
  return db
    .prepare(
      `INSERT INTO tallies (name, counts) SELECT ?1, ?2 WHERE ?3 IS NOT NULL AND ${condition}
           ON CONFLICT (name) DO UPDATE SET counts = ${sum}`,
    )
    .bind(name, JSON.stringify(counts), JSON.stringify(pairs), ...bound);
}

/**
 * Count what the jobs of a turn did and came to: one row a hand-back. Comes before the lane is handed back and counts only while it
 * is held, so it counts exactly as often as that is written: once. What a Worker that dies has not handed back is not counted.
 */
export const add = (
  db: D1Database,
  counts: Counts,
  { lane, lease }: { lane: string; lease: string },
): D1PreparedStatement =>
  adding(db, "jobs", counts, "EXISTS (SELECT 1 FROM lanes WHERE lane = ?4 AND lease = ?5)", lane, lease);

/** Count what nothing that is written proves: it may be lost, or counted twice with a commit that is sent again. */
export const addLoose = (db: D1Database, name: string, counts: Counts): D1PreparedStatement =>
  adding(db, name, counts, "true");

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
