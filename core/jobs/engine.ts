import type { Refresh } from "./define.ts";
import type { Tokens } from "#core/accounts/tokens";
import type { Clock } from "#core/lib/clock";
import type { Log } from "#core/lib/log";
import type { AppWindows } from "#core/store/allowances";
import type { Databases } from "#core/store/shard";
import type { Delivered, Delivery } from "#core/webhooks/send";
import type { Fetch } from "#core/x/client";
import type { Prices } from "#core/x/prices";
import type { TurnLimits } from "./limits.ts";
import type { Kinds } from "./registry.ts";
import type { Queues } from "./wake.ts";

/** What the engine runs on. Time, chance and the network are passed in. */
export type Engine = {
  databases: Databases;
  queues: Queues;
  kinds: Kinds;
  prices: Prices;
  /** What X allows its apps in 24 hours, by endpoint, where X does not say. */
  app_windows: AppWindows;
  clock: Clock;
  /** 0..1 */
  random: () => number;
  log: Log;
};

/** What a consumer has besides: the way to X. */
export type Consumer = Engine & {
  tokens: Tokens;
  refresh: Refresh;
  /** Sends events to receivers of webhooks. */
  send: (delivery: Delivery) => Promise<Delivered>;
  network: Fetch;
  /** The bytes of media, in a Worker that sends them. */
  bucket: R2Bucket | null;
  /** Fetch media also from this machine. */
  allow_local: boolean;
  x_url: string;
  /** Calls to X at once in one turn. */
  concurrency: number;
  limits: TurnLimits;
  /** How many turns may go on in the background; 0 makes every turn be awaited. */
  background: number;
};
