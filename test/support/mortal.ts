/** When a Worker dies: at its nth step outside itself, which has had its effect by then or has not. */
export type Death = { step: number; when: "before" | "after" };

/**
 * What a Worker does outside itself, step by step, until it dies: from that step on nothing that it waits for ever comes.
 * Between two such steps a death leaves nothing that the next one would not.
 */
export function createMortal(death: Death) {
  let steps = 0;
  let die: () => void = () => undefined;
  const died = new Promise<void>((resolve) => (die = resolve));
  const forEver = new Promise<never>(() => undefined);

  async function step<Value>(act: () => Promise<Value>): Promise<Value> {
    steps++;
    if (steps > death.step) return forEver;
    if (steps === death.step && death.when === "before") {
      die();
      return forEver;
    }
    const value = await act();
    if (steps >= death.step) {
      die();
      return forEver;
    }
    return value;
  }

  const inner = new WeakMap<D1PreparedStatement, D1PreparedStatement>();
  const statement = (of: D1PreparedStatement): D1PreparedStatement => {
    const mortal = {
      bind: (...values: unknown[]) => statement(of.bind(...values)),
      first: () => step(() => of.first()),
      all: () => step(() => of.all()),
      run: () => step(() => of.run()),
    } as unknown as D1PreparedStatement;
    inner.set(mortal, of);
    return mortal;
  };

  return {
    /** Resolves when it dies. */
    died,
    step,
    steps: () => steps,
    database: (db: D1Database): D1Database =>
      ({
        prepare: (sql: string) => statement(db.prepare(sql)),
        batch: (statements: D1PreparedStatement[]) =>
          step(() => db.batch(statements.map((one) => inner.get(one) ?? one))),
      }) as unknown as D1Database,
  };
}
