import type { WakeUp } from "#core/jobs/wake";
import type { Databases } from "#core/store/shard";

/** What wrangler.toml and the secrets of the producer bind. */
export type Env = Databases & {
  TOKENS: KVNamespace;
  TWEETS: Queue<WakeUp>;
  REFRESH: Queue<WakeUp>;
  KEY_LIMITER: RateLimit;
  /** `off` lets keys call as often as they like: for `npm start` and benches. */
  KEY_LIMIT: string;
  X_API_URL: string;
  X_AUTHORIZE_URL: string;
  /** The address X redirects to, without a path. Empty: that of the request. */
  PUBLIC_URL: string;
  /** How often the clock ticks, in seconds: as [triggers] says. */
  TICK_S: string;
  /** Whose pages may call from a browser: origins, separated by commas. */
  CORS_ORIGINS?: string;
  TOKEN_KEYS?: string;
  SESSION_KEYS?: string;
  ADMIN_KEY?: string;
  X_CLIENT_ID?: string;
  X_CLIENT_SECRET?: string;
  /** Time passes this many times faster, for tests of the whole stack. */
  TIME_SCALE?: string;
};
