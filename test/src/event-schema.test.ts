import { describe, expect, test } from "vitest";
import { eventTypes, type EventType } from "#core/webhooks/events";
import { showEndpoint } from "#core/webhooks/endpoint-view";
import { eventSchema, eventSchemas } from "../../src/event-schema.ts";

const data = showEndpoint({
  client_id: "cli_1",
  id: "whe_1",
  url: "https://shop.example/hook",
  events: '["*"]',
  account_ids: null,
  description: "",
  state: "enabled",
  disabled_reason: null,
  secret: "sealed",
  old_secret: null,
  old_secret_until: null,
  failing_since: null,
  warned_at: null,
  created_at: 1_800_000_000_000,
  updated_at: 1_800_000_000_000,
});
const event = { id: "evt_1", type: "endpoint.test", timestamp: "2027-01-15T08:00:00.000Z", data };

test("there is one for each type", () => {
  expect(Object.keys(eventSchemas)).toEqual(Object.keys(eventTypes));
});

describe("an event", () => {
  test("is one of the types, with the data of that type", () => {
    expect(eventSchema.safeParse(event).success).toBe(true);
    for (const type of [
      "job.succeeded",
      "batch.completed",
      "media.ready",
      "account.connected",
    ] as EventType[])
      expect(eventSchema.safeParse({ ...event, type }).success, type).toBe(false);
    expect(eventSchema.safeParse({ ...event, type: "endpoint.other" }).success).toBe(false);
  });

  test("has nothing besides", () => {
    expect(eventSchema.safeParse({ ...event, secret: "whsec_" }).success).toBe(false);
    expect(eventSchema.safeParse({ ...event, data: { ...data, secret: "whsec_" } }).success).toBe(false);
  });
});
