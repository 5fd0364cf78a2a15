import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestHarness } from "wrangler";
import { writeConfigs } from "../../scripts/configs.ts";
import { connectAccount } from "../../scripts/connect.ts";
import type { Caller } from "../../scripts/jobs.ts";
import { makeClient } from "../../scripts/tenant.ts";
import { addTable } from "../../scripts/toml.ts";
import { until } from "../../scripts/wait.ts";
import { serveSimulator } from "../../simulator/server.ts";
import type { Shares } from "../support/troubles.ts";
import { troubleWorkers } from "./troubled.ts";

type Message = { lane: string };
/** What the tests reach of the producer's bindings, and the dead-letter queue that the rig binds in addition. */
type ProducerEnv = { TWEETS: Queue; DEAD_LETTERS: Queue };
type Queue = { send: (message: Message) => Promise<unknown> };

export type Account = { id: string; user_id: string };
export type Rig = Awaited<ReturnType<typeof createRig>>;

export type RigOptions = {
  databases?: number;
  time_scale?: number;
  /** Begin with nobody listening to the queue of tweets: what is sent there is lost. */
  deaf?: boolean;
  /** Variables of the Workers, other than checked in. */
  vars?: Record<string, string>;
};

const TICKS_MS = 60_000;
const TICK_MS = 500;
const ADMIN_KEY = "admin-for-tests";
const APP = { client_id: "app", client_secret: "secret" };

/**
 * All Workers as they are deployed, with a simulated X, in one process. Nothing ticks by itself. Close it, whatever happens.
 */
export async function createRig(options: RigOptions = {}) {
  const { databases = 1, time_scale = 1, deaf = false, vars = {} } = options;
  const state_dir = mkdtempSync(join(tmpdir(), "rig-"));
  const now = timeAt(time_scale);
  const x = await serveSimulator({ port: 0, now });
  const configs = writeConfigs({
    state_dir,
    databases,
    vars: {
      X_API_URL: x.url,
      X_AUTHORIZE_URL: `${x.url}/i/oauth2/authorize`,
      KEY_LIMIT: "off",
      ...vars,
    },
    extra_vars: time_scale === 1 ? {} : { TIME_SCALE: String(time_scale) },
    secrets: {
      TOKEN_KEYS: `k1:${"A".repeat(43)}`,
      SESSION_KEYS: `s1:${"B".repeat(43)}`,
      WEBHOOK_KEYS: `w1:${"C".repeat(43)}`,
      ADMIN_KEY,
      X_CLIENT_ID: APP.client_id,
      X_CLIENT_SECRET: APP.client_secret,
    },
  });
  const [producer = "", ...consumers] = configs;
  bindDeadLetters(producer);
  const tweets = consumers.find((path) => path.includes("tweets")) ?? "";
  const nobody = deafened(tweets);
  const workers = (listening: boolean) => ({
    workers: configs.map((path) => ({ configPath: path === tweets && !listening ? nobody : path })),
  });

  const server = createTestHarness(workers(!deaf));
  const worker = () => server.getWorker<ProducerEnv>("tap-producer");
  const url = (await server.listen()).url.origin;
  for (let index = 0; index < databases; index++)
    await server.getWorker("tap-producer").applyD1Migrations(index === 0 ? "DB" : `DB_${index}`);
  x.simulator.createApp({ ...APP, redirect_uris: [`${url}/oauth/callback`] });
  const client = await makeClient(url, ADMIN_KEY, "Flows");
  const caller: Caller = { url, key: client.api_key };
  const tick = () => worker().scheduled({ cron: "* * * * *" });
  let count = 0;

  return {
    caller,
    simulator: x.simulator,
    now,
    /** A simulated user and its account here. */
    async connect(): Promise<Account> {
      const user = x.simulator.createUser({ username: `user_${++count}` });
      const id = await connectAccount({ ...caller, return_url: `${url}/` }, user.id);
      return { id, user_id: user.id };
    },
    /** What X has of an account, in the order of posting. */
    texts: (account: Account) =>
      x.simulator
        .tweets(account.user_id)
        .filter(({ deleted }) => !deleted)
        .map(({ text }) => text),
    tick,
    /** Let minutes go by, at most a minute of real time, until something is so. */
    tickUntil: (what: string, isSo: () => boolean) =>
      until(
        what,
        TICKS_MS,
        async () => {
          if (!isSo()) await tick();
          return isSo();
        },
        TICK_MS,
      ),
    /** Wake a lane as a queue that delivers once more would. */
    wake: async (lane: string) => (await worker().getEnv()).TWEETS.send({ lane }),
    /** Give a lane up as a queue does after its last try. */
    giveUp: async (lane: string) => (await worker().getEnv()).DEAD_LETTERS.send({ lane }),
    /** Start all Workers anew, as a deployment does: turns and messages under way are lost. */
    restart: () => server.update(workers(true)),
    /** The same, and from then on things go wrong in all bindings. */
    trouble(seed: number, shares: Shares): Promise<void> {
      troubleWorkers(configs, seed, shares);
      return server.update(workers(true));
    },
    async close(): Promise<void> {
      await server.close();
      await x.close();
      rmSync(state_dir, { recursive: true, force: true });
    },
  };
}

/** A second binding of the producer, so that a test can put a dead letter where a queue would. */
function bindDeadLetters(config: string): void {
  const table = 'binding = "DEAD_LETTERS"\nqueue = "tap-dead-letters"';
  writeFileSync(config, addTable(readFileSync(config, "utf8"), "queues.producers", table));
}

/** The same Worker on a queue that nobody writes to. */
function deafened(config: string): string {
  const path = config.replace(/wrangler\.toml$/, "deaf.toml");
  const toml = readFileSync(config, "utf8");
  writeFileSync(
    path,
    toml.replace('[[queues.consumers]]\nqueue = "tap-tweets"', '[[queues.consumers]]\nqueue = "tap-nobody"'),
  );
  return path;
}

/** The same clock as the Workers' when TIME_SCALE is set. */
function timeAt(scale: number): () => number {
  const epoch = Date.UTC(2026, 0, 1);
  return scale === 1 ? Date.now : () => epoch + Math.round((Date.now() - epoch) * scale);
}
