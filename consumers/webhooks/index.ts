import { serveWebhooks, type WebhooksEnv } from "#core/jobs/webhooks-worker";

export default {
  queue: (batch, env, context) => serveWebhooks(batch, env, context),
} satisfies ExportedHandler<WebhooksEnv>;
