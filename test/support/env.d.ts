declare namespace Cloudflare {
  interface Env {
    DB: D1Database;
    DB_1: D1Database;
    TOKENS: KVNamespace;
    MEDIA: R2Bucket;
    KEY_LIMITER: RateLimit;
    MIGRATIONS: import("cloudflare:test").D1Migration[];
  }
}

/** Vite's, as far as the tests use it. */
interface ImportMeta {
  glob<Module>(pattern: string, options: { eager: true }): Record<string, Module>;
}
