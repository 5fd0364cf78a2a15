// Databases as they are deployed: with D1's limits, and with its bad days.

type Batch = (statements: D1PreparedStatement[]) => Promise<D1Result[]>;

/** A database that does something else with its batches. */
export const batchedBy = (db: D1Database, batch: Batch): D1Database =>
  ({ prepare: (sql: string) => db.prepare(sql), batch }) as unknown as D1Database;

/** A database in which some batches, counted from 1, do what they are asked and then lose their answer. */
export function losingAnswers(db: D1Database, isLost: (nth: number) => boolean): D1Database {
  let nth = 0;
  return batchedBy(db, async (statements) => {
    const lost = isLost(++nth);
    const results = await db.batch(statements);
    if (lost) throw new Error("D1_ERROR: Network connection lost.");
    return results;
  });
}

/** A database that cannot be reached while `isDown`. */
export const unreachable = (db: D1Database, isDown = () => true): D1Database =>
  batchedBy(db, (statements) =>
    isDown() ? Promise.reject(new Error("D1_ERROR: Network connection lost.")) : db.batch(statements),
  );

const PARAMETERS = 100;
const PARAMETER_BYTES = 1_000_000;

/** A database with the limits that D1 has deployed and not locally: the number of parameters, and half the size of one. */
export const strict = (db: D1Database): D1Database =>
  ({
    prepare(sql: string) {
      const statement = db.prepare(sql);
      const bind = (...values: unknown[]) => {
        const tooLong = values.some((value) => typeof value === "string" && value.length > PARAMETER_BYTES);
        if (values.length > PARAMETERS || tooLong)
          throw new Error("D1_ERROR: too many or too long parameters");
        return statement.bind(...values);
      };
      return Object.assign(Object.create(statement) as D1PreparedStatement, { bind });
    },
    batch: (statements: D1PreparedStatement[]) => db.batch(statements),
  }) as unknown as D1Database;
