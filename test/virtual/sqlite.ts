import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Called after each statement, also of a batch, with a way to read what it left. */
export type Ran = (read: (sql: string, ...values: SQLInputValue[]) => unknown[]) => void;

/**
 * As much of D1 as the engine uses, over SQLite in this process: for benches and tests that simulate days, in which the way to
 * local D1 would take most of the time. The schema and every statement are the real ones; what D1 bills is not counted here.
 */
export function sqliteDatabase(ran: Ran = () => undefined): D1Database {
  const db = new DatabaseSync(":memory:");
  for (const name of readdirSync("migrations").sort())
    db.exec(readFileSync(join("migrations", name), "utf8"));
  const prepared = new Map<string, StatementSync>();
  const compiled = (sql: string): StatementSync => {
    const known = prepared.get(sql) ?? db.prepare(sql);
    prepared.set(sql, known);
    return known;
  };

  const run = (sql: string, values: SQLInputValue[]) => {
    const before = changes(db);
    const results = compiled(sql).all(...values);
    const changed = changes(db) - before;
    ran((sql, ...values) => compiled(sql).all(...values));
    return { success: true, results, meta: { changes: changed, rows_written: 0, rows_read: 0 } };
  };
  const statement = (sql: string, values: SQLInputValue[] = []) => ({
    bind: (...given: SQLInputValue[]) => statement(sql, given),
    all: async () => run(sql, values),
    run: async () => run(sql, values),
    first: async () => run(sql, values).results[0] ?? null,
    now: () => run(sql, values),
  });

  return {
    prepare: (sql: string) => statement(sql),
    async batch(statements: ReturnType<typeof statement>[]) {
      db.exec("BEGIN");
      try {
        const results = statements.map((one) => one.now());
        db.exec("COMMIT");
        return results;
      } catch (error) {
        db.exec("ROLLBACK");
        throw error;
      }
    },
  } as unknown as D1Database;
}

const changes = (db: DatabaseSync): number =>
  (db.prepare("SELECT total_changes() AS count").get() as { count: number }).count;
