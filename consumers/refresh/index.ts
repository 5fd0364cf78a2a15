import { serve, type ConsumerEnv } from "#core/jobs/worker";

export default {
  queue: (batch, env, context) => serve(batch, env, context),
} satisfies ExportedHandler<ConsumerEnv>;
