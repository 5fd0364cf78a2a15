import { createApps, credentialsOf } from "#core/accounts/apps";
import { refreshAccount, type Refreshing } from "#core/accounts/refresh";
import { createTokens } from "#core/accounts/tokens";
import { systemClock } from "#core/lib/clock";
import { consoleLog, reasonOf } from "#core/lib/log";
import { openRing } from "#core/lib/seal";
import type { Databases } from "#core/store/shard";
import type { Fetch } from "#core/x/client";
import { readAppWindows } from "#core/x/app-windows";
import { readPrices } from "#core/x/prices";
import { consume } from "./consume.ts";
import type { Consumer, Engine } from "./engine.ts";
import { allKinds } from "./kinds/index.ts";
import { TWEETS_TURN, type TurnLimits } from "./limits.ts";
import type { WakeUp } from "./wake.ts";

/** What the wrangler.toml of every consumer binds. */
export type EngineEnv = Databases & {
  TWEETS: Queue<WakeUp>;
  REFRESH: Queue<WakeUp>;
  /** What X charges where it is not what the code says: JSON, micro-USD by name. */
  X_PRICES?: string;
  WEBHOOKS: Queue<WakeUp>;
  /** What X allows its apps in 24 hours where it is not what the code says: JSON, calls by endpoint, or `off`. */
  X_APP_WINDOWS?: string;
  UPLOADS: Queue<WakeUp>;
  TIME_SCALE?: string;
};

/** What those bind that call X. */
export type ConsumerEnv = EngineEnv & {
  TOKENS: KVNamespace;
  /** Bound where media are sent. */
  MEDIA?: R2Bucket;
  /** `1`: media may be fetched from this machine, also by http. For a developer's desk. */
  ALLOW_LOCAL_SOURCES?: string;
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

/** Each turn of media holds megabytes. */
const MOST_OF_MEDIA = 3;

/** Opened access tokens, for as long as the isolate lives. */
const memory = new Map<string, string>();

const scaleOf = (env: EngineEnv): number => Number(env.TIME_SCALE ?? 1);

export const createEngine = (env: EngineEnv): Engine => ({
  databases: env,
  queues: { tweets: env.TWEETS, refresh: env.REFRESH, media: env.UPLOADS, webhooks: env.WEBHOOKS },
  kinds: allKinds,
  prices: readPrices(env.X_PRICES, "X_PRICES"),
  app_windows: readAppWindows(env.X_APP_WINDOWS, "X_APP_WINDOWS"),
  clock: systemClock(scaleOf(env)),
  random: Math.random,
  log: consoleLog,
});

/** Take a queue batch as a Worker is given it. Never throws: without its secrets it asks for the batch again, later. */
export async function serve(
  batch: MessageBatch,
  env: ConsumerEnv,
  context: Pick<ExecutionContext, "waitUntil">,
  limits: TurnLimits = TWEETS_TURN,
): Promise<void> {
  try {
    await consume(batch, await createConsumer(env, limits), context);
  } catch (error) {
    unready(batch, error);
  }
}

/** A Worker that lacks what it needs asks for its batch again, later. */
export function unready(batch: MessageBatch, error: unknown): void {
  consoleLog("consumer.unready", { reason: reasonOf(error) });
  batch.retryAll({ delaySeconds: UNREADY_DELAY_S });
}

/** Rejects, with a sentence, when the secret TOKEN_KEYS is missing or wrong. */
async function createConsumer(env: ConsumerEnv, limits: TurnLimits): Promise<Consumer> {
  const ring = await openRing(env.TOKEN_KEYS, "TOKEN_KEYS");
  const engine = createEngine(env);
  // Calls are timed by real timers, and X's clock runs as fast as ours.
  const call_ms = limits.call_ms / scaleOf(env);
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
      timeout_ms: call_ms,
      fallback: credentialsOf(env),
    }),
    lanes: engine.kinds.laneNames,
  };
  return {
    ...engine,
    refresh: (accountId, asked, hear) => refreshAccount(refreshing, accountId, asked, hear),
    // Events go out through a Worker of their own, which has no token key.
    send: () => Promise.reject(new Error("this Worker sends no webhooks")),
    tokens: createTokens({ databases: env, kv: env.TOKENS, ring, memory }),
    network,
    x_url: env.X_API_URL,
    concurrency: Number(env.X_CONCURRENCY) || FEWEST_CALLS,
    bucket: env.MEDIA ?? null,
    allow_local: env.ALLOW_LOCAL_SOURCES === "1",
    limits: { ...limits, call_ms },
    background: Math.min(Number(env.TURNS_IN_BACKGROUND ?? 0), env.MEDIA ? MOST_OF_MEDIA : Infinity),
  };
}
