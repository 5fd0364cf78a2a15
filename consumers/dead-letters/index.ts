import { consumeDeadLetters } from "#core/jobs/rescue";
import { createEngine, type EngineEnv } from "#core/jobs/worker";

export default {
  queue: (batch, env) => consumeDeadLetters(batch, createEngine(env)),
} satisfies ExportedHandler<EngineEnv>;
