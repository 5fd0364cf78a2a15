import { mkdirSync } from "node:fs";
import { ask } from "./api.ts";
import type { Child } from "./child.ts";
import { writeConfigs } from "./configs.ts";
import { migrate } from "./migrate.ts";
import { untilFree } from "./ports.ts";
import { loadSecrets, type Secrets } from "./secrets.ts";
import { ofX, type Settings } from "./settings.ts";
import { startSimulator } from "./simulator.ts";
import { startTicks, type Ticks } from "./ticks.ts";
import { startWorkers } from "./workers.ts";

export type StackOptions = Omit<Settings, "time_scale"> & {
  /** 1 when left out. */
  time_scale?: number;
  /** Databases that are bound; 1 when left out. */
  databases?: number;
  /** Other values of the Workers' variables than those below. */
  vars?: Record<string, string>;
  /** Batches of the queues of tweets and webhooks; null leaves them as they are checked in. */
  batches?: { size: number; timeout_s: number } | null;
  /** Called with the Workers' configs, the producer's first, before anything runs with them. */
  onConfigs?: (configs: readonly string[]) => void;
  /** Called with every line that the Workers write. */
  onLine?: (line: string) => void;
};

/** A whole installation on this machine, while it runs. */
export type Running = {
  /** Without a slash at its end. */
  url: string;
  /** null with another X. */
  simulator_url: string | null;
  admin_key: string;
  secrets: Secrets;
  /** Let the producer's clock tick now, between its own ticks. */
  tick: () => Promise<void>;
  /** Stop the Workers, whatever they are doing, and start them again. Resolves when they are ready. */
  restart: () => Promise<void>;
};

export type Stack = {
  /** Rejects with a sentence for people when it cannot start. */
  ready: Promise<Running>;
  /** Rejects when a part that should run has ended. Never resolves. */
  broken: Promise<never>;
  /** End every process, at any time, also before it is ready. */
  stop: () => Promise<void>;
};

const TICK_MS = 15_000;
/** What an earlier stack that was killed may need to leave its ports. */
const PORT_WAIT_MS = 5_000;

/** Start the simulator, the databases, all Workers and the clock. */
export function startStack(options: StackOptions): Stack {
  const children: Child[] = [];
  let ticks: Ticks | null = null;
  let stopping = false;
  let restarting: Promise<void> | null = null;
  const register = (child: Child): void => {
    children.push(child);
    if (stopping) void child.stop();
  };

  const begin = async (): Promise<Running> => {
    const { state_dir, port, simulator_port, other_x, time_scale = 1, databases = 1 } = options;
    mkdirSync(state_dir, { recursive: true, mode: 0o700 });
    await untilFree(port, "PORT", PORT_WAIT_MS);
    if (!other_x) await untilFree(simulator_port, "SIMULATOR_PORT", PORT_WAIT_MS);
    const secrets = loadSecrets(state_dir);
    const configs = writeConfigs(localConfig(options, secrets));
    options.onConfigs?.(configs);
    const [producer = ""] = configs;
    const [simulator] = await Promise.all([
      other_x ? null : startSimulator({ state_dir, port: simulator_port, time_scale }, register),
      migrate(state_dir, producer, databases, register),
    ]);
    const simulator_url = simulator ? `http://127.0.0.1:${simulator_port}` : null;
    if (simulator_url !== null) await registerApp(simulator_url, port, secrets);
    if (stopping) throw new Error("stopped");
    const startAll = () =>
      startWorkers({ state_dir, port, configs, onLine: options.onLine ?? nothing }, register);
    let workers = await startAll();
    const restart = async (): Promise<void> => {
      const leaving = workers;
      restarting = leaving.stop().then(async () => {
        workers = await startAll();
      });
      await restarting;
      restarting = null;
    };
    const url = `http://127.0.0.1:${port}`;
    ticks = startTicks(url, TICK_MS / time_scale);
    const admin_key = options.admin_key ?? secrets.admin_key;
    return { url, simulator_url, admin_key, secrets, tick: ticks.now, restart };
  };

  const stop = async (): Promise<void> => {
    stopping = true;
    ticks?.stop();
    await Promise.all(children.map((child) => child.stop()));
  };

  const ready = begin();
  const broken = ready.then(async () => {
    let first = await firstEnded(children);
    // The Workers were told to end, and others take their place.
    for (let others = restarting; others !== null && !stopping; others = restarting) {
      await others;
      first = await firstEnded(children);
    }
    if (stopping) return new Promise<never>(nothing);
    const lines = first.lastLines().join("\n");
    throw new Error(`${first.name} ended by itself. ${first.log_path} ends with:\n${lines}`);
  });
  // Whoever does not look at these must not be killed by them.
  ready.catch(nothing);
  broken.catch(nothing);
  return { ready, broken, stop };
}

const firstEnded = (children: Child[]): Promise<Child> =>
  Promise.race(running(children).map((child) => child.ended.then(() => child)));

const running = (children: Child[]): Child[] => children.filter((child) => !child.hasEnded());

const nothing = (): void => undefined;

/** What is different on this machine. */
function localConfig(options: StackOptions, secrets: Secrets): Parameters<typeof writeConfigs>[0] {
  const { state_dir, port, simulator_port, other_x, admin_key, time_scale = 1, databases = 1 } = options;
  const simulator = `http://127.0.0.1:${simulator_port}`;
  return {
    state_dir,
    databases,
    // A local queue delivers one batch at a time: at once, and as much of what has come meanwhile as a batch may hold.
    batches: options.batches === null ? undefined : (options.batches ?? { size: 100, timeout_s: 0 }),
    vars: {
      X_API_URL: other_x?.api_url ?? simulator,
      X_AUTHORIZE_URL: other_x?.authorize_url ?? `${simulator}/i/oauth2/authorize`,
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      KEY_LIMIT: "off",
      TICK_S: String(TICK_MS / 1000),
      X_CONCURRENCY: "100",
      TURNS_IN_BACKGROUND: "8",
      ALLOW_LOCAL_WEBHOOKS: "on",
      DELIVERIES_AT_ONCE: "100",
      // One that waits for a slow receiver must not keep the queue from the others.
      DELIVERY_TURNS_IN_BACKGROUND: "500",
      ALLOW_LOCAL_SOURCES: "1",
      ...options.vars,
    },
    extra_vars: { ...ofX(process.env), ...(time_scale !== 1 && { TIME_SCALE: String(time_scale) }) },
    secrets: {
      TOKEN_KEYS: secrets.token_keys,
      SESSION_KEYS: secrets.session_keys,
      WEBHOOK_KEYS: secrets.webhook_keys,
      ADMIN_KEY: admin_key ?? secrets.admin_key,
      X_CLIENT_ID: other_x ? other_x.client_id : secrets.x_client_id,
      X_CLIENT_SECRET: other_x ? other_x.client_secret : secrets.x_client_secret,
    },
  };
}

/** Make our X app known to the simulator. */
async function registerApp(simulatorUrl: string, port: number, secrets: Secrets): Promise<void> {
  await ask(`${simulatorUrl}/_sim/apps`, {
    body: {
      client_id: secrets.x_client_id,
      client_secret: secrets.x_client_secret,
      redirect_uris: [`http://127.0.0.1:${port}/oauth/callback`, `http://localhost:${port}/oauth/callback`],
    },
  });
}
