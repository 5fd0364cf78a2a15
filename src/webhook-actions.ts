import { z } from "zod";
import { idFloor } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as deliveries from "#core/store/deliveries";
import * as endpoints from "#core/store/endpoints";
import type { EndpointRow } from "#core/store/endpoints";
import * as events from "#core/store/events";
import { shard, shards } from "#core/store/shard";
import { all } from "#core/store/sql";
import { showEndpoint } from "#core/webhooks/endpoint-view";
import { OVERLAP_MS, secretPlace } from "#core/webhooks/secrets";
import { makeSecret } from "#core/webhooks/sign";
import { everywhere, findEndpoint } from "./managed-endpoint.ts";
import { tellAll } from "./tell-all.ts";
import { endpointId } from "./webhook-endpoints.ts";
import { defineRoute } from "./route.ts";
import { webhookRingOf } from "./webhook-ring.ts";

/** Sent again by one request, at most. */
const ROUND = 1_000;
const ROUNDS = 20;

/** POST /v1/webhook-endpoints/{id}/rotate-secret: a new secret, beside which the old one signs for a day. */
export const rotateSecret = defineRoute({
  method: "POST",
  path: "/v1/webhook-endpoints/{id}/rotate-secret",
  summary: "Replace an endpoint's secret; the old one signs too for 24 hours",
  scope: "webhooks:write",
  params: endpointId,
  answers: {
    200: {
      description: "The new secret, shown in this answer alone.",
      schema: z.strictObject({ id: z.string(), secret: z.string(), old_secret_until: z.iso.datetime() }),
    },
  },
  async handle({ app, caller, params }) {
    const row = await findEndpoint(app, caller, params.id);
    const ring = await webhookRingOf(app);
    const now = app.clock.now();
    const until = now + OVERLAP_MS;
    const secret = makeSecret();
    const sealed = await ring.seal(secret, secretPlace(row.id));
    await everywhere(app, caller, row, "endpoint.secret_rotated", (db) => [
      endpoints.rotate(db, row, sealed, until, now),
    ]);
    if ((await findEndpoint(app, caller, row.id)).secret !== sealed)
      throw new Problem("unavailable", { detail: "It was replaced by somebody else just now" });
    return Response.json({ id: row.id, secret, old_secret_until: new Date(until).toISOString() });
  },
});

/** POST /v1/webhook-endpoints/{id}/test: an event of the type `endpoint.test`, for this endpoint alone. */
export const testEndpoint = defineRoute({
  method: "POST",
  path: "/v1/webhook-endpoints/{id}/test",
  summary: "Send an `endpoint.test` event to an endpoint, whatever it listens to",
  scope: "webhooks:write",
  params: endpointId,
  answers: {
    202: { description: "The event, on its way.", schema: z.strictObject({ event_id: z.string() }) },
  },
  async handle({ app, caller, params }) {
    const row = await findEndpoint(app, caller, params.id);
    mustBeSentTo(row);
    const db = shard(app.databases, row.id);
    if (!db) throw new Problem("unavailable");
    const now = app.clock.now();
    const [, made] = await db.batch<{ id: string }>([
      // What stands before an event must change something.
      endpoints.touch(db, row, now),
      events.insert(db, {
        client_id: row.client_id,
        type: "endpoint.test",
        account_id: null,
        subject: row.id,
        data: JSON.stringify(showEndpoint(row)),
        created_at: now,
      }),
    ]);
    app.later(tellAll(app, row.client_id));
    return Response.json({ event_id: made?.results[0]?.id }, { status: 202 });
  },
});

/** POST /v1/webhook-endpoints/{id}/recover: what it should have had since then, and has not. */
export const recoverEndpoint = defineRoute({
  method: "POST",
  path: "/v1/webhook-endpoints/{id}/recover",
  summary: "Send an endpoint what it has missed since a time",
  scope: "webhooks:write",
  params: endpointId,
  body: z.strictObject({ since: z.iso.datetime({ offset: true }) }),
  example: { since: "2026-11-23T00:00:00Z" },
  answers: {
    202: {
      description: "How many events are sent again. `has_more`: ask again for the rest.",
      schema: z.strictObject({ events: z.int(), has_more: z.boolean() }),
    },
  },
  async handle({ app, caller, params, body }) {
    const row = await findEndpoint(app, caller, params.id);
    mustBeSentTo(row);
    const what = {
      client_id: row.client_id,
      from: idFloor("evt", Date.parse(body.since)),
      to: "evt_~",
      endpoint_id: row.id,
      even_if: "not had",
    } as const;
    let [count, has_more] = [0, false];
    for (const name of shards(app.databases)) {
      const db = shard(app.databases, name);
      for (let round = 0, sent = ROUND; db && sent === ROUND; round++) {
        if ((has_more = round === ROUNDS)) break;
        sent = (await all(deliveries.resend(db, app.clock.stored(), what, ROUND))).length;
        count += sent;
      }
    }
    app.later(tellAll(app, row.client_id));
    return Response.json({ events: count, has_more }, { status: 202 });
  },
});

function mustBeSentTo({ state, url }: EndpointRow): void {
  if (state === "disabled") throw new Problem("endpoint_disabled");
  if (url === null)
    throw new Problem("endpoint_disabled", { detail: "The endpoint has no url: nothing is sent to it" });
}
