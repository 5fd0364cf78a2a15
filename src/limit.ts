import { reasonOf } from "#core/lib/log";
import { Problem } from "#core/lib/problem";
import type { App } from "./app.ts";
import { actorOf, type Caller } from "./auth.ts";

/** What wrangler.toml sets for KEY_LIMITER: requests, and the window in seconds. */
const LIMIT = 1000;
const WINDOW_S = 10;

/**
 * Our own limit, per key or session and Cloudflare location. It keeps one caller from crowding the others out; X's windows
 * are another matter. A limiter that does not answer lets everybody pass: it guards against abuse, and counts only roughly
 * anyway.
 */
export async function limit(app: App, caller: Caller): Promise<void> {
  if (app.env.KEY_LIMIT === "off") return;
  const { success } = await app.env.KEY_LIMITER.limit({ key: actorOf(caller) }).catch((error: unknown) => {
    app.log("limit.failed", { reason: reasonOf(error) });
    return { success: true };
  });
  if (!success)
    throw new Problem("too_many_requests", {
      headers: {
        "retry-after": String(WINDOW_S),
        "ratelimit-policy": `"key";q=${LIMIT};w=${WINDOW_S}`,
      },
    });
}
