import { seeded } from "./seeded.ts";
import type { Shares, Trouble } from "./troubles.ts";

/** Chance that decides what goes wrong, and who hears of it. */
export type Troubles = { chance: () => number; shares: Shares; onTrouble: (trouble: Trouble) => void };

const LATER_S = 5;

/** A database on which batches fail, some of them after they were done. */
export function troubledDatabase(inner: D1Database, troubles: Troubles): D1Database {
  const fails = (trouble: Trouble): void => {
    if (meets(troubles, trouble)) throw new Error("D1_ERROR: Network connection lost.");
  };
  return {
    prepare: (sql: string) => inner.prepare(sql),
    async batch(statements: D1PreparedStatement[]) {
      fails("commit failed");
      const results = await inner.batch(statements);
      fails("commit not answered");
      return results;
    },
  } as unknown as D1Database;
}

/** A queue that takes messages and loses some, and delivers some twice, the second time a little later. */
export function troubledQueue<Body>(inner: Queue<Body>, troubles: Troubles): Queue<Body> {
  return {
    async sendBatch(messages: Iterable<MessageSendRequest<Body>>) {
      const sent = [...messages].filter(() => !meets(troubles, "message lost"));
      const again = sent
        .filter(() => meets(troubles, "message doubled"))
        .map((message) => ({ ...message, delaySeconds: laterThan(message.delaySeconds, troubles) }));
      for (const batch of [sent, again]) if (batch.length > 0) await inner.sendBatch(batch);
    },
  } as unknown as Queue<Body>;
}

function meets({ chance, shares, onTrouble }: Troubles, trouble: Trouble): boolean {
  const isMet = chance() < shares[trouble];
  if (isMet) onTrouble(trouble);
  return isMet;
}

const laterThan = (delay_s: number | undefined, { chance }: Troubles): number =>
  (delay_s ?? 0) + Math.floor(chance() * LATER_S);

/** A variable of a troubled Worker: JSON. */
type Told = { TROUBLES?: string };

/** Goes on as long as the isolate. */
let chance: (() => number) | null = null;

/** A Worker in whose bindings something goes wrong now and then, as its variable TROUBLES says. It says so in its log. */
export function troubledWorker<Env extends object>(worker: ExportedHandler<Env>): ExportedHandler<Env> {
  const { fetch, queue, scheduled } = worker;
  return {
    ...(fetch && { fetch: (request, env, context) => fetch(request, troubledEnv(env), context) }),
    ...(queue && { queue: (batch, env, context) => queue(batch, troubledEnv(env), context) }),
    ...(scheduled && {
      scheduled: (controller, env, context) => scheduled(controller, troubledEnv(env), context),
    }),
  };
}

function troubledEnv<Env extends object>(env: Env): Env {
  const { seed, shares } = JSON.parse((env as Told).TROUBLES ?? "{}") as { seed: number; shares: Shares };
  chance ??= seeded(seed);
  const troubles: Troubles = {
    chance,
    shares,
    onTrouble: (trouble) => {
      console.log(JSON.stringify({ event: "trouble", trouble }));
    },
  };
  return Object.fromEntries(
    Object.entries(env).map(([name, binding]) => [name, troubledBinding(binding, troubles)]),
  ) as Env;
}

function troubledBinding(binding: unknown, troubles: Troubles): unknown {
  if (typeof binding !== "object" || binding === null) return binding;
  if ("prepare" in binding) return troubledDatabase(binding as D1Database, troubles);
  if ("sendBatch" in binding) return troubledQueue(binding as Queue, troubles);
  return binding;
}
