import { expect, test } from "vitest";
import type { Env } from "../../src/env.ts";
import config from "../../wrangler.toml?raw";

/** Whether wrangler.toml binds it, or it is a secret or a choice. */
const bindings: Record<Exclude<keyof Env, `DB_${number}`>, boolean> = {
  DB: true,
  TOKENS: true,
  TWEETS: true,
  REFRESH: true,
  UPLOADS: true,
  MEDIA: true,
  MAX_REQUEST_BYTES: true,
  WEBHOOKS: true,
  ALLOW_LOCAL_WEBHOOKS: true,
  ALLOW_LOCAL_SOURCES: true,
  KEY_LIMITER: true,
  KEY_LIMIT: true,
  TICK_S: true,
  X_API_URL: true,
  X_AUTHORIZE_URL: true,
  PUBLIC_URL: true,
  CORS_ORIGINS: true,
  TOKEN_KEYS: false,
  SESSION_KEYS: false,
  WEBHOOK_KEYS: false,
  ADMIN_KEY: false,
  X_CLIENT_ID: false,
  X_CLIENT_SECRET: false,
  X_PRICES: false,
  X_APP_WINDOWS: false,
  TIME_SCALE: false,
};

test.each(Object.entries(bindings))("%s stands in wrangler.toml: %s", (name, stands) => {
  const names = new RegExp(`^(${name} = |(binding|name) = "${name}"$)`, "m");
  expect(names.test(config)).toBe(stands);
});
