import { openRing } from "#core/lib/seal";
import type { Network } from "#core/webhooks/deliver";
import { createLookup } from "#core/webhooks/lookup";
import { send } from "#core/webhooks/send";
import { consume } from "./consume.ts";
import type { Consumer } from "./engine.ts";
import { WEBHOOKS_TURN } from "./limits.ts";
import { tellingView } from "./telling-view.ts";
import { createEngine, unready, type EngineEnv } from "./worker.ts";

/** What consumers/webhooks/wrangler.toml and its one secret bind: the key of webhooks, and none of tokens. */
export type WebhooksEnv = EngineEnv & {
  WEBHOOK_KEYS?: string;
  ALLOW_LOCAL_WEBHOOKS?: string;
  /** Calls to receivers at once in one turn: as many as lanes in a batch, so that a slow one holds up nobody else. */
  DELIVERIES_AT_ONCE?: string;
  /** How many turns go on in the background: for a local queue, which runs one batch at a time. */
  DELIVERY_TURNS_IN_BACKGROUND?: string;
};

/** When DELIVERIES_AT_ONCE is missing or no number. */
const FEWEST = 1;

/** Take a queue batch. Never throws: without its secret it asks for the batch again, later. */
export async function serveWebhooks(
  batch: MessageBatch,
  env: WebhooksEnv,
  context: Pick<ExecutionContext, "waitUntil">,
): Promise<void> {
  try {
    await consume(batch, await createSender(env), context);
  } catch (error) {
    unready(batch, error);
  }
}

const never = (): Promise<never> => Promise.reject(new Error("this Worker has no token key"));

/** Rejects, with a sentence, when the secret WEBHOOK_KEYS is missing or wrong. */
async function createSender(env: WebhooksEnv): Promise<Consumer> {
  const engine = createEngine(env);
  const network: Network = (request, init) => fetch(request, init);
  const by = {
    ...engine,
    look: createLookup(engine),
    ring: await openRing(env.WEBHOOK_KEYS, "WEBHOOK_KEYS"),
    network,
    allow_local: env.ALLOW_LOCAL_WEBHOOKS === "on",
    // Timers know nothing of a clock that runs faster, and leases go by that one.
    timeout_ms: WEBHOOKS_TURN.call_ms / Number(env.TIME_SCALE ?? 1),
    show: (event: Parameters<typeof tellingView>[0]) => tellingView(event, engine.kinds),
  };
  return {
    ...engine,
    send: (delivery) => send(by, delivery),
    refresh: never,
    tokens: { access: never },
    network: never,
    bucket: null,
    allow_local: false,
    x_url: "",
    concurrency: Number(env.DELIVERIES_AT_ONCE) || FEWEST,
    limits: WEBHOOKS_TURN,
    background: Number(env.DELIVERY_TURNS_IN_BACKGROUND ?? 0),
  };
}
