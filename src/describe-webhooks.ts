import { z } from "zod";
import type { ZodOpenApiObject } from "zod-openapi";
import { eventTypes, type EventType } from "#core/webhooks/events";
import { eventSchemas } from "./event-schema.ts";

const header = z.object({
  "webhook-id": z.string().describe("The event's id."),
  "webhook-timestamp": z
    .string()
    .describe("Seconds since 1970: older than five minutes, it should be refused."),
  "webhook-signature": z
    .string()
    .describe("`v1,` and base64 of HMAC-SHA256, one for each living secret, separated by spaces."),
});

/** What endpoints and callback URLs are sent, one description for each type of event (Standard Webhooks 1.0.0). */
export const describeWebhooks = (): NonNullable<ZodOpenApiObject["webhooks"]> =>
  Object.fromEntries(
    Object.entries(eventTypes).map(([type, summary]) => [
      type,
      {
        post: {
          operationId: `hear-${type}`.replace(/[^a-z]+(.)/g, (_, letter: string) => letter.toUpperCase()),
          summary,
          tags: ["webhook-endpoints"],
          // Signed, not authorized: a receiver holds the secret.
          security: [],
          requestParams: { header },
          requestBody: {
            required: true,
            content: { "application/json": { schema: eventSchemas[type as EventType] } },
          },
          responses: {
            "2XX": { description: "Had. What comes later than 15 s counts as no answer." },
            "410": { description: "Not wanted any more: the endpoint is disabled." },
            "4XX": { description: "Tried again, for 28 hours; `Retry-After` is kept." },
            "5XX": { description: "Tried again, for 28 hours; `Retry-After` is kept." },
          },
        },
      },
    ]),
  );
