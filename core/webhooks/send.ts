import { again, done, fail, retry, type Outcome } from "#core/lib/outcome";
import { Problem } from "#core/lib/problem";
import { publicUrl } from "#core/lib/public-url";
import type { Ring } from "#core/lib/seal";
import * as clients from "#core/store/clients";
import type { ClientRow } from "#core/store/clients";
import type { EndpointRow } from "#core/store/endpoints";
import type { TellingRow } from "#core/store/events";
import { shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import { deliver, type Network, type Reply } from "./deliver.ts";
import { disableEndpoint, noteHealth, type Caring } from "./endpoint-health.ts";
import type { Lookup } from "./lookup.ts";
import { liveSecrets, type Sealed } from "./secrets.ts";
import { signatureOf } from "./sign.ts";

/** What a delivery is sent with. `show` says an event as the API shows it. */
export type Sender = Caring & {
  look: Lookup;
  ring: Ring;
  network: Network;
  /** Also to this machine, by http: on a developer's desk. */
  allow_local: boolean;
  timeout_ms: number;
  show: (event: TellingRow) => object;
};

/** What is to be sent where: to an endpoint, or to the callback URL of a job. */
export type Delivery = {
  client_id: string;
  event_id: string;
  endpoint_id: string | null;
  callback_url: string | null;
};

/** What it came to, and whether the receiver was well, if it was asked. */
export type Delivered = { outcome: Outcome; well: boolean | null };

type Target = { id: string; url: string; sealed: Sealed; endpoint: EndpointRow | null };

const HELD_S = 60;
/** Said by a receiver that wants no more of it (RFC 9110, 15.5.11). */
const GONE = 410;

/** Send an event once. Rejects only when our own database or secrets cannot be used. */
export async function send(by: Sender, delivery: Delivery): Promise<Delivered> {
  const db = shard(by.databases, delivery.event_id);
  if (!db) throw new Error("no database for this event");
  const { event, endpoint } = await by.look(delivery);
  const target = await targetOf(by, endpoint, delivery);
  if (event === null || target === null) return unsent(fail(new Problem("endpoint_gone")));
  // Its gate has shut meanwhile: it goes back, to wait behind it.
  if (target === "disabled") return unsent(again(null, HELD_S));
  const address = publicUrl(target.url, { allowLocal: by.allow_local });
  if ("refused" in address)
    return unsent(fail(new Problem("delivery_failed", { detail: `${address.refused}: nothing was sent` })));

  const body = JSON.stringify(by.show(event));
  const now = by.clock.now();
  const secrets = await liveSecrets(by.ring, target.id, target.sealed, now);
  const headers = {
    "content-type": "application/json",
    "user-agent": "twitter-api-proxy",
    ...signatureOf(secrets, event.id, now, body),
  };
  const message = { url: address.url.href, headers, body };
  const reply = await deliver(by.network, message, { now: () => by.clock.now(), timeout_ms: by.timeout_ms });
  const well = reply.status !== null && reply.status >= 200 && reply.status < 300;
  if (target.endpoint) await noteHealth(by, db, target.endpoint, well);
  if (target.endpoint && reply.status === GONE) await disableEndpoint(by, target.endpoint, "gone");
  return { outcome: judged(reply, well), well };
}

const unsent = (outcome: Outcome): Delivered => ({ outcome, well: null });

async function targetOf(
  by: Sender,
  row: EndpointRow | null,
  { client_id, endpoint_id, callback_url }: Delivery,
): Promise<Target | "disabled" | null> {
  if (endpoint_id !== null) {
    if (row?.url == null) return null;
    return row.state === "disabled" ? "disabled" : { id: row.id, url: row.url, sealed: row, endpoint: row };
  }
  const home = shard(by.databases, client_id);
  const client = home && (await first<ClientRow>(clients.find(home, client_id)));
  if (!client?.webhook_secret || callback_url === null) return null;
  const sealed = {
    secret: client.webhook_secret,
    old_secret: client.old_webhook_secret,
    old_secret_until: client.old_webhook_secret_until,
  };
  return { id: client_id, url: callback_url, sealed, endpoint: null };
}

function judged(reply: Reply, well: boolean): Outcome {
  const { status, took_ms } = reply;
  if (reply.status === null) {
    const detail = reply.reason === "timeout" ? "No answer in time" : "No connection";
    return { ...retry(new Problem("delivery_failed", { detail })), note: { status, took_ms } };
  }
  const note = { status, took_ms, answer: reply.answer };
  if (well) return { ...done({ status }), note };
  const problem = new Problem("delivery_failed", { detail: `The receiver answered ${reply.status}` });
  return reply.status === GONE
    ? { ...fail(problem), note }
    : { ...retry(problem, reply.retry_after_s), note };
}
