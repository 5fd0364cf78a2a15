import { expect, test } from "vitest";
import { openDoor } from "../support/door.ts";
import { webhookRingOf } from "../../src/webhook-ring.ts";

test("without WEBHOOK_KEYS the installation says that it is not set up rightly", async () => {
  const { app, call } = await openDoor({ WEBHOOK_KEYS: "" });
  await expect(webhookRingOf(app)).rejects.toMatchObject({ code: "misconfigured" });
  const { status, body } = await call("GET", "/readyz");
  expect([status, body.code, body.detail]).toEqual([
    503,
    "misconfigured",
    expect.stringContaining("WEBHOOK_KEYS is missing"),
  ]);
});
