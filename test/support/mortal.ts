/**
 * When a Worker dies: at its nth step outside itself, or at the first whose name begins so. The step has had its effect by then or
 * has not.
 */
export type Death = { step: number | string; when: "before" | "after" };

/**
 * What a Worker does outside itself, step by step, until it dies: from that step on nothing that it waits for ever comes.
 * Between two such steps a death leaves nothing that the next one would not.
 */
export function createMortal(death: Death) {
  const trail: (() => string)[] = [];
  let last = typeof death.step === "number" ? death.step : Infinity;
  let die: () => void = () => undefined;
  const died = new Promise<void>((resolve) => (die = resolve));
  const forEver = new Promise<never>(() => undefined);

  async function step<Value>(act: () => Promise<Value>, name = () => ""): Promise<Value> {
    trail.push(name);
    if (typeof death.step === "string" && last === Infinity && name().startsWith(death.step))
      last = trail.length;
    if (trail.length > last) return forEver;
    if (trail.length === last && death.when === "before") {
      die();
      return forEver;
    }
    const acting = act();
    // Also one that fails: who is dead does not hear of it.
    await acting.catch(() => undefined);
    if (trail.length < last) return acting;
    die();
    return forEver;
  }

  const inner = new WeakMap<D1PreparedStatement, { of: D1PreparedStatement; sql: string }>();
  const statement = (of: D1PreparedStatement, sql: string): D1PreparedStatement => {
    const mortal = {
      bind: (...values: unknown[]) => statement(of.bind(...values), sql),
      first: () =>
        step(
          () => of.first(),
          () => nameOf([sql]),
        ),
      all: () =>
        step(
          () => of.all(),
          () => nameOf([sql]),
        ),
      run: () =>
        step(
          () => of.run(),
          () => nameOf([sql]),
        ),
    } as unknown as D1PreparedStatement;
    inner.set(mortal, { of, sql });
    return mortal;
  };

  return {
    /** Resolves when it dies. */
    died,
    step,
    /** The steps so far, by name. */
    trail: () => trail.map((name) => name()),
    steps: () => trail.length,
    database: (db: D1Database): D1Database =>
      ({
        prepare: (sql: string) => statement(db.prepare(sql), sql),
        batch: (statements: D1PreparedStatement[]) => {
          const asked = statements.map((one) => inner.get(one) ?? { of: one, sql: "" });
          return step(
            () => db.batch(asked.map(({ of }) => of)),
            () => nameOf(asked.map(({ sql }) => sql)),
          );
        },
      }) as unknown as D1Database,
    queue: <Body>(queue: Pick<Queue<Body>, "sendBatch">): Queue<Body> =>
      ({
        sendBatch: (batch: Iterable<MessageSendRequest<Body>>) =>
          step(
            () => queue.sendBatch(batch),
            () => "send a wake-up",
          ),
      }) as unknown as Queue<Body>,
    bucket: (bucket: Pick<R2Bucket, "get">): R2Bucket =>
      ({
        get: (key: string, how: R2GetOptions) =>
          step(
            () => bucket.get(key, how),
            () => "read R2",
          ),
      }) as unknown as R2Bucket,
    kv: (kv: Pick<KVNamespace, "get" | "put">): KVNamespace =>
      ({
        get: (key: string) =>
          step(
            () => kv.get(key),
            () => "read KV",
          ),
        put: (key: string, value: string, how?: KVNamespacePutOptions) =>
          step(
            () => kv.put(key, value, how),
            () => "write KV",
          ),
      }) as unknown as KVNamespace,
  };
}

/** What the engine's commits carry; whatever else they do goes with one of these. In the order of a job's life. */
const COMMITS: [statement: RegExp, name: string][] = [
  [/^UPDATE lanes SET lease = \?2/, "take the lane"],
  [/^UPDATE jobs SET state = iif/, "write the ending"],
  [/^UPDATE lanes SET lease = NULL/, "give the lane back"],
  [/^UPDATE jobs SET state = 'running'/, "claim the job"],
];

/** What is asked of the database at once, in words. */
function nameOf(statements: string[]): string {
  const texts = statements.map((sql) => sql.replace(/\s+/g, " ").trim());
  const known = COMMITS.filter(([statement]) => texts.some((text) => statement.test(text)));
  if (known.length > 0) return known.map(([, name]) => name).join(", ");
  const written = texts.flatMap((text) => /^(?:UPDATE|INSERT INTO|DELETE FROM) (\w+)/.exec(text)?.[1] ?? []);
  if (written.length > 0) return `write ${[...new Set(written)].join(", ")}`;
  const read = texts.flatMap((text) => /FROM (\w+)/.exec(text)?.[1] ?? []);
  return `read ${[...new Set(read)].join(", ")}`;
}
