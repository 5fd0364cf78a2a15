import { join } from "node:path";

export const root = join(import.meta.dirname, "..");
export const wranglerPath = join(root, "node_modules/wrangler/bin/wrangler.js");

/** The environment in which wrangler asks nothing, calls nobody, and writes nothing outside a state folder. */
export const wranglerEnvironment = (stateDir: string): Record<string, string> => ({
  CI: "1",
  NO_COLOR: "1",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_LOG_PATH: join(stateDir, "wrangler/logs"),
  WRANGLER_CACHE_DIR: join(stateDir, "wrangler/cache"),
  WRANGLER_REGISTRY_PATH: join(stateDir, "wrangler/registry"),
  XDG_CONFIG_HOME: join(stateDir, "wrangler/config"),
  // Traces of every request in a local database: nobody reads them here, and they cost.
  X_LOCAL_OBSERVABILITY: "false",
  X_LOCAL_EXPLORER: "false",
});
