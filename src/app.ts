import type { Engine } from "#core/jobs/engine";
import { allKinds } from "#core/jobs/kinds/index";
import { systemClock } from "#core/lib/clock";
import { consoleLog, reasonOf } from "#core/lib/log";
import { openRing, type Ring } from "#core/lib/seal";
import type { Fetch } from "#core/x/client";
import type { Env } from "./env.ts";

/** What the routes run on: the engine, and the way to X for connecting accounts. */
export type App = Engine & {
  env: Env;
  network: Fetch;
  /** The ring that seals tokens. Rejects, with a sentence, when the secret is missing or wrong. */
  ring(): Promise<Ring>;
  /** Goes on after the answer has left. */
  later(work: Promise<unknown>): void;
};

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
    queues: { tweets: env.TWEETS, refresh: env.REFRESH },
    kinds: allKinds,
    clock: systemClock(Number(env.TIME_SCALE ?? 1)),
    random: Math.random,
    log,
    network: (request, init) => fetch(request, init),
    ring: () => openRing(env.TOKEN_KEYS, "TOKEN_KEYS"),
    later: (work) => {
      const logged = (error: unknown) => {
        log("later.failed", { reason: reasonOf(error) });
      };
      context.waitUntil(work.catch(logged));
    },
    ...parts,
  };
}
