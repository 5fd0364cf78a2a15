import { z } from "zod";
import { isId } from "#core/lib/ids";
import { defineJob } from "../define.ts";

/**
 * Send an event to an endpoint, or to the callback URL of a job. Made by the database itself with the event
 * (migrations/0014_webhooks.sql), never by clients. It speaks to no X: its gate is that of its endpoint.
 */
export const webhookDeliver = defineJob({
  name: "webhook.deliver",
  queue: "webhooks",
  lane: "webhook",
  part: "webhooks",
  endpoint: "webhook",
  token: false,
  internal: true,
  housekeeping: true,
  ordered: false,
  scopes: [],
  params: z.strictObject({
    // Of the account that the event is about, or empty.
    account_id: z.string(),
    event_id: z.string().refine((text) => isId("evt", text)),
    endpoint_id: z.string().nullable(),
    callback_url: z.string().nullable(),
  }),
  example: {
    account_id: "acc_01KAB3C4D5V1StGXR80Z5jd",
    event_id: "evt_01KAB3C4D5V1StGXR80Z5jd",
    endpoint_id: "whe_01KAB3C4D5V1StGXR80Z5jd",
    callback_url: null,
  },
  // 28 hours in all, as Standard Webhooks advises.
  backoff: { attempts: 8, base_s: 0, cap_s: 0, delays_s: [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000] },
  // The same `webhook-id` each time: a receiver knows what it has had.
  repeatable: true,

  run: ({ params }, { send }) => send(params),
});
