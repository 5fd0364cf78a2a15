declare namespace Cloudflare {
  interface Env {
    DB: D1Database;
    DB_1: D1Database;
    TOKENS: KVNamespace;
    KEY_LIMITER: RateLimit;
    MIGRATIONS: import("cloudflare:test").D1Migration[];
  }
}
