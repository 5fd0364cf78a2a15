import { MEDIA_TURN } from "#core/jobs/limits";
import { serve, type ConsumerEnv } from "#core/jobs/worker";

export default {
  queue: (batch, env, context) => serve(batch, env, context, MEDIA_TURN),
} satisfies ExportedHandler<ConsumerEnv>;
