/** What D1 billed: rows written and read, and statements sent. */
export type Bill = { written: number; read: number; statements: number };

/** A database that keeps count of what its statements cost, by D1's own `meta`, and tells of each. */
export function measured(
  db: D1Database,
  bill: Bill,
  tell: (meta: D1Meta) => void = () => undefined,
): D1Database {
  const count = <Answer extends { meta: D1Meta & Record<string, unknown> }>(answer: Answer): Answer => {
    bill.written += answer.meta.rows_written;
    bill.read += answer.meta.rows_read;
    bill.statements += 1;
    tell(answer.meta);
    return answer;
  };
  const statement = (inner: D1PreparedStatement): D1PreparedStatement =>
    new Proxy(inner, {
      get(target, name) {
        if (name === "inner") return target;
        if (name === "bind") return (...values: unknown[]) => statement(target.bind(...values));
        if (name === "all" || name === "run") return async () => count(await target[name]());
        if (name === "first")
          return async () => {
            const answer = count(await target.all());
            return answer.results[0] ?? null;
          };
        throw new Error(`bench: ${String(name)} is not counted`);
      },
    });
  return {
    prepare: (sql: string) => statement(db.prepare(sql)),
    batch: async (statements: (D1PreparedStatement & { inner?: D1PreparedStatement })[]) =>
      (await db.batch(statements.map((one) => one.inner ?? one))).map((answer) => count(answer)),
  } as unknown as D1Database;
}
