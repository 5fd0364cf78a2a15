import { reasonOf } from "#core/lib/log";
import { Problem } from "#core/lib/problem";
import type { Ring } from "#core/lib/seal";
import type { App } from "./app.ts";

/** The ring that seals webhook secrets. Throws `misconfigured`. */
export const webhookRingOf = (app: App): Promise<Ring> =>
  app.webhookRing().catch((error: unknown) => {
    throw new Problem("misconfigured", { detail: reasonOf(error) });
  });
