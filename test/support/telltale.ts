// What our platform binds, on its worst days: each error quotes all that the call was given.

/** Which calls fail. `next` is asked at each of them, and answers with how its error begins, or null. */
export type Fate = { next: () => string | null };

/** A database's fate: its statements from the nth to the mth since it was told so, with how their errors begin. */
export function failingStatements() {
  let range = { from: Infinity, to: Infinity, words: "" };
  let count = 0;
  return {
    next: (): string | null => (++count >= range.from && count <= range.to ? range.words : null),
    fail: (from: number, to: number, words = "D1_ERROR") => {
      range = { from, to, words };
      count = 0;
    },
    /** How many statements there were since. */
    ran: () => count,
  };
}

type Quoted = { statement: D1PreparedStatement; sql: string; values: unknown[] };

/** A database whose statements fail as it is their fate, quoting their parameters. */
export function telltaleDatabase(db: D1Database, fate: Fate): D1Database {
  const real = new WeakMap<object, Quoted>();

  function meet({ sql, values }: Quoted): void {
    const words = fate.next();
    if (words !== null) throw new Error(`${words}: ${values.map(String).join(", ")} in ${sql}`);
  }

  function wrap(quoted: Quoted): D1PreparedStatement {
    const { statement, sql } = quoted;
    const run = (name: "first" | "all" | "run") => async (): Promise<unknown> => {
      meet(quoted);
      return statement[name]();
    };
    const wrapped = {
      bind: (...values: unknown[]) => wrap({ statement: statement.bind(...values), sql, values }),
      first: run("first"),
      all: run("all"),
      run: run("run"),
    } as unknown as D1PreparedStatement;
    real.set(wrapped, quoted);
    return wrapped;
  }

  return {
    prepare: (sql: string) => wrap({ statement: db.prepare(sql), sql, values: [] }),
    async batch(statements: D1PreparedStatement[]) {
      const known = statements.map((one) => real.get(one) ?? { statement: one, sql: "", values: [] });
      known.forEach(meet);
      return db.batch(known.map(({ statement }) => statement));
    },
  } as unknown as D1Database;
}

/** A binding whose methods fail as it is their fate, quoting their arguments. */
export const telltaleBinding = <Binding extends object>(binding: Binding, fate: Fate): Binding =>
  new Proxy(binding, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...given: unknown[]): Promise<unknown> => {
        const words = fate.next();
        if (words !== null) throw new Error(`${words}: ${JSON.stringify(given)}`);
        return value.apply(target, given) as unknown;
      };
    },
  });
