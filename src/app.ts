import type { Engine } from "#core/jobs/engine";
import { allKinds } from "#core/jobs/kinds/index";
import { systemClock } from "#core/lib/clock";
import { consoleLog, reasonOf } from "#core/lib/log";
import { openRing, type Ring } from "#core/lib/seal";
import type { Fetch } from "#core/x/client";
import { readAppWindows } from "#core/x/app-windows";
import { readPrices } from "#core/x/prices";
import type { Env } from "./env.ts";
import { createTally, type Tallying } from "#core/jobs/tally";
import { createReadCache, type ReadCache } from "./read-cache.ts";

/** What the routes run on: the engine, and the way to X for connecting accounts. */
export type App = Engine & {
  env: Env;
  network: Fetch;
  /** The ring that seals tokens. Rejects, with a sentence, when the secret is missing or wrong. */
  ring(): Promise<Ring>;
  /** The ring that seals webhook secrets. */
  webhookRing(): Promise<Ring>;
  /** What X has just said to those who read. */
  reads: ReadCache;
  /** What is counted here until a commit takes it along. What an isolate does not get rid of is lost. */
  tally: Tallying;
  /** Goes on after the answer has left. */
  later(work: Promise<unknown>): void;
};

/** As long as the isolate lives. */
const reads = createReadCache();
const tally = createTally();

/** The app of one invocation. Tests pass parts of their own. */
export function createApp(
  env: Env,
  context: Pick<ExecutionContext, "waitUntil">,
  parts: Partial<App> = {},
): App {
  const { log = consoleLog } = parts;
  return {
    env,
    databases: env,
    queues: { tweets: env.TWEETS, refresh: env.REFRESH, media: env.UPLOADS, webhooks: env.WEBHOOKS },
    kinds: allKinds,
    prices: readPrices(env.X_PRICES, "X_PRICES"),
    app_windows: readAppWindows(env.X_APP_WINDOWS, "X_APP_WINDOWS"),
    clock: systemClock(Number(env.TIME_SCALE ?? 1)),
    random: Math.random,
    log,
    reads,
    tally,
    network: (request, init) => fetch(request, init),
    ring: () => openRing(env.TOKEN_KEYS, "TOKEN_KEYS"),
    webhookRing: () => openRing(env.WEBHOOK_KEYS, "WEBHOOK_KEYS"),
    later: (work) => {
      const logged = (error: unknown) => {
        log("later.failed", { reason: reasonOf(error) });
      };
      context.waitUntil(work.catch(logged));
    },
    ...parts,
  };
}
