import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { openRing } from "#core/lib/seal";
import { showEndpoint } from "#core/webhooks/endpoint-view";
import { TEST_RING } from "../../support/harness.ts";
import { putEndpoint } from "../../support/receiver.ts";
import { empty, NOW } from "../../support/rows.ts";

beforeEach(() => empty(env.DB));

test("an endpoint is shown without its secrets", async () => {
  const ring = await openRing(TEST_RING, "WEBHOOK_KEYS");
  const of = { client_id: "cli_1", events: ["job.*"], now: NOW };
  const row = await putEndpoint([env.DB], ring, of, { account_ids: '["acc_1"]', failing_since: NOW });
  expect(showEndpoint(row)).toEqual({
    id: row.id,
    url: "https://hooks.shop.com/x",
    events: ["job.*"],
    account_ids: ["acc_1"],
    description: "",
    state: "enabled",
    disabled_reason: null,
    failing_since: new Date(NOW).toISOString(),
    created_at: new Date(NOW).toISOString(),
  });
});
