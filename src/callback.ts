import { Problem, type FieldError } from "#core/lib/problem";
import { publicUrl } from "#core/lib/public-url";
import * as clients from "#core/store/clients";
import type { ClientRow } from "#core/store/clients";
import { shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import type { App } from "./app.ts";

/** A callback URL as it will be called, or why it cannot be. */
export type Callback = { url: string } | { error: FieldError };

/** How a client's callback URLs are read: they must be public, and it must have a secret to sign with. */
export async function callbacksOf(app: App, clientId: string): Promise<(url: string) => Callback> {
  const home = shard(app.databases, clientId);
  const client = home && (await first<ClientRow>(clients.find(home, clientId)));
  const allowLocal = app.env.ALLOW_LOCAL_WEBHOOKS === "on";
  return (given) => {
    const read = publicUrl(given, { allowLocal });
    if ("refused" in read) return refusal("not_public", read.refused);
    return client?.webhook_secret ? { url: read.url.href } : refusal("no_secret", NO_SECRET);
  };
}

const NO_SECRET = "The client has no webhook secret yet: POST /v1/clients/{id}/rotate-webhook-secret";

const refusal = (code: string, detail: string): Callback => ({
  error: { pointer: "/callback_url", code, detail },
});

/** Put the callback URL of an order as it will be called. Throws `invalid` for one that cannot be. */
export async function checkCallback(
  app: App,
  order: { client_id: string; callback_url?: string | null },
): Promise<void> {
  if (order.callback_url == null) return;
  const read = (await callbacksOf(app, order.client_id))(order.callback_url);
  if ("error" in read) throw new Problem("invalid", { errors: [read.error] });
  order.callback_url = read.url;
}
