import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import { endpoints } from "#core/x/endpoints";
import { fullName, passGates, retryAfter } from "../../src/read-gates.ts";
import { openDoor } from "../support/door.ts";

async function standing() {
  const door = await openDoor();
  const { account_id } = await door.tenant();
  const row = await accounts.find(env.DB, account_id).first<AccountRow>();
  if (!row) throw new Error("no account");
  const pass = (by = "req_1") => passGates(door.app, env.DB, row, endpoints.me, by);
  return { door, row, pass };
}

test("names are those of the account's own gates", async () => {
  const { row } = await standing();
  expect(fullName(row, { scope: "window", endpoint: "GET /2/users/me" })).toBe(
    `window:${row.id}:GET /2/users/me`,
  );
  expect(fullName(row, { scope: "app" })).toBe("app:app_default");
});

describe("a closed gate", () => {
  test.each([
    ["window", "rate_limited", "x_rate_limited"],
    ["app", "credits_depleted", "x_payment_required"],
    ["app", "usage_capped", "x_usage_capped"],
    ["account", "locked", "x_account_locked"],
    ["account", "token_unavailable", "unavailable"],
  ] as const)("of the %s, because of %s, is %s with a time to come back", async (scope, reason, code) => {
    const { door, row, pass } = await standing();
    const gate = scope === "window" ? ({ scope, endpoint: endpoints.me.name } as const) : { scope };
    await door.closeGate(row.id, fullName(row, gate), reason, door.now() + 90_000);
    await expect(pass()).rejects.toMatchObject({ code, extra: { headers: { "retry-after": "90" } } });
  });

  test.each([
    ["app", "rate_limited"],
    ["app", "app_forbidden"],
    ["account", "daily_limit"],
    ["account", "paused"],
  ] as const)("of the %s, because of %s, is about posting", async (scope, reason) => {
    const { door, row, pass } = await standing();
    await door.closeGate(row.id, fullName(row, { scope }), reason, door.now() + 90_000);
    await expect(pass()).resolves.toHaveProperty("hear");
  });
});

test("of those who come when a broken part of X may be tried again, one passes", async () => {
  const { door, pass } = await standing();
  await door.env.DB.prepare(
    `INSERT INTO gates (name, open_at, reason, faults, updated_at) VALUES ('x:timelines', ${door.now()}, 'x_unavailable', 10, 0)`,
  ).run();
  const ends = await Promise.allSettled([pass("req_1"), pass("req_2"), pass("req_3")]);
  expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test.each([
  [0, "1"],
  [1001, "2"],
  [9e15, "86400"],
])("%i ms to wait are said as %s s", (ms, text) => {
  expect(retryAfter(ms)).toBe(text);
});
