import type { WakeUp } from "#core/jobs/wake";
import type { Databases } from "#core/store/shard";

/** What wrangler.toml and the secrets of the producer bind. */
export type Env = Databases & {
  TOKENS: KVNamespace;
  TWEETS: Queue<WakeUp>;
  REFRESH: Queue<WakeUp>;
  UPLOADS: Queue<WakeUp>;
  MEDIA: R2Bucket;
  /** The most bytes of one request: Cloudflare's cap, by the plan of the zone. */
  MAX_REQUEST_BYTES?: string;
  WEBHOOKS: Queue<WakeUp>;
  /** `1`: media may be fetched from this machine, also by http. For a developer's desk. */
  ALLOW_LOCAL_SOURCES?: string;
  KEY_LIMITER: RateLimit;
  /** `off` lets keys call as often as they like: for `npm start` and benches. */
  KEY_LIMIT: string;
  X_API_URL: string;
  X_AUTHORIZE_URL: string;
  /** The address X redirects to, without a path. Empty: that of the request. */
  PUBLIC_URL: string;
  /** How often the clock ticks, in seconds: as [triggers] says. */
  TICK_S: string;
  /** `on` lets webhooks go to this machine, also by http: for `npm start`. */
  ALLOW_LOCAL_WEBHOOKS?: string;
  /** Whose pages may call from a browser: origins, separated by commas. */
  CORS_ORIGINS?: string;
  TOKEN_KEYS?: string;
  SESSION_KEYS?: string;
  WEBHOOK_KEYS?: string;
  ADMIN_KEY?: string;
  X_CLIENT_ID?: string;
  X_CLIENT_SECRET?: string;
  /** What X charges where it is not what the code says: JSON, micro-USD by name. */
  X_PRICES?: string;
  /** What X allows its apps in 24 hours where it is not what the code says: JSON, calls by endpoint, or `off`. */
  X_APP_WINDOWS?: string;
  /** Time passes this many times faster, for tests of the whole stack. */
  TIME_SCALE?: string;
};
