import { clearMedia } from "#core/jobs/clear-media";
import { prune } from "#core/jobs/prune";
import { stage } from "#core/jobs/stage";
import { reasonOf } from "#core/lib/log";
import { spreadEndpoints } from "#core/webhooks/spread";
import { createApp } from "./app.ts";
import type { Env } from "./env.ts";
import { createRouter } from "./router.ts";
import { routes } from "./routes.ts";

const router = createRouter(routes);
/** Once an hour, at this minute, old rows are deleted. */
const PRUNE_MINUTE = 17;

/** Half a tick beyond the next one: 90 s when it ticks every minute. */
const horizonOf = (env: Env): number => (Number(env.TICK_S) || 60) * 1_500;

export default {
  fetch: (request, env, context) => router.fetch(request, createApp(env, context)),

  async scheduled(controller, env, context) {
    const app = createApp(env, context);
    const works = [stage(app, horizonOf(env)), spreadEndpoints(app)];
    if (new Date(controller.scheduledTime).getUTCMinutes() === PRUNE_MINUTE)
      works.push(
        prune(app).then(() => 0),
        clearMedia(app, env.MEDIA).then(() => 0),
      );
    for (const result of await Promise.allSettled(works))
      if (result.status === "rejected") app.log("tick.failed", { reason: reasonOf(result.reason) });
  },
} satisfies ExportedHandler<Env>;
