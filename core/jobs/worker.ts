import { createApps, credentialsOf } from "#core/accounts/apps";
import { refreshAccount, type Refreshing } from "#core/accounts/refresh";
import { createTokens } from "#core/accounts/tokens";
import { systemClock } from "#core/lib/clock";
import { consoleLog, reasonOf } from "#core/lib/log";
import { openRing } from "#core/lib/seal";
import type { Databases } from "#core/store/shard";
import type { Fetch } from "#core/x/client";
import { consume } from "./consume.ts";
import type { Consumer, Engine } from "./engine.ts";
import { allKinds } from "./kinds/index.ts";
import { TWEETS_TURN } from "./limits.ts";
import type { WakeUp } from "./wake.ts";

/** What the wrangler.toml of every consumer binds. */
export type EngineEnv = Databases & {
  TWEETS: Queue<WakeUp>;
  REFRESH: Queue<WakeUp>;
  TIME_SCALE?: string;
};

/** What those bind that call X. */
export type ConsumerEnv = EngineEnv & {
  TOKENS: KVNamespace;
  TOKEN_KEYS?: string;
  /** The X app of this installation: for the Worker that refreshes tokens. */
  X_CLIENT_ID?: string;
  X_CLIENT_SECRET?: string;
  X_API_URL: string;
  /** Calls to X at once in one turn. */
  X_CONCURRENCY?: string;
  /** How many turns go on in the background: for a local queue, which runs one batch at a time. */
  TURNS_IN_BACKGROUND?: string;
};

const UNREADY_DELAY_S = 60;
/** When X_CONCURRENCY is missing or no number. */
const FEWEST_CALLS = 1;

/** Opened access tokens, for as long as the isolate lives. */
const memory = new Map<string, string>();

export const createEngine = (env: EngineEnv): Engine => ({
  databases: env,
  queues: { tweets: env.TWEETS, refresh: env.REFRESH },
  kinds: allKinds,
  clock: systemClock(Number(env.TIME_SCALE ?? 1)),
  random: Math.random,
  log: consoleLog,
});

/** Take a queue batch as a Worker is given it. Never throws: without its secrets it asks for the batch again, later. */
export async function serve(
  batch: MessageBatch,
  env: ConsumerEnv,
  context: Pick<ExecutionContext, "waitUntil">,
): Promise<void> {
  try {
    await consume(batch, await createConsumer(env), context);
  } catch (error) {
    consoleLog("consumer.unready", { reason: reasonOf(error) });
    batch.retryAll({ delaySeconds: UNREADY_DELAY_S });
  }
}

/** Rejects, with a sentence, when the secret TOKEN_KEYS is missing or wrong. */
async function createConsumer(env: ConsumerEnv): Promise<Consumer> {
  const ring = await openRing(env.TOKEN_KEYS, "TOKEN_KEYS");
  const engine = createEngine(env);
  const network: Fetch = (request, init) => fetch(request, init);
  const refreshing: Refreshing = {
    ...engine,
    kv: env.TOKENS,
    ring,
    apps: createApps({
      databases: env,
      ring,
      network,
      x_url: env.X_API_URL,
      now: () => engine.clock.now(),
      timeout_ms: TWEETS_TURN.call_ms,
      fallback: credentialsOf(env),
    }),
    lanes: engine.kinds.laneNames,
  };
  return {
    ...engine,
    refresh: (accountId, asked) => refreshAccount(refreshing, accountId, asked),
    tokens: createTokens({ databases: env, kv: env.TOKENS, ring, memory }),
    network,
    x_url: env.X_API_URL,
    concurrency: Number(env.X_CONCURRENCY) || FEWEST_CALLS,
    limits: TWEETS_TURN,
    background: Number(env.TURNS_IN_BACKGROUND ?? 0),
  };
}
