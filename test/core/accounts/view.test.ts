import { expect, test } from "vitest";
import { showAccount } from "#core/accounts/view";

test("an account is shown without anything of its tokens but when they expire", () => {
  const shown = showAccount({
    id: "acc_1",
    client_id: "cli_1",
    app_id: "app_default",
    x_user_id: "12",
    username: "ada",
    name: "Ada",
    scopes: '["tweet.read"]',
    state: "connected",
    token: "sealed",
    token_version: 3,
    token_expires_at: 1_800_000_000_000,
    token_issued_at: 1_799_992_800_000,
    token_origin: "refresh",
    refresh_at: 1_799_998_500_000,
    metadata: '{"mine":1}',
    paused_at: null,
    daily_cap: 5000,
    created_at: 1_799_000_000_000,
    updated_at: 1_799_000_000_000,
  });
  expect(shown).toEqual({
    id: "acc_1",
    x_user_id: "12",
    username: "ada",
    name: "Ada",
    app_id: "app_default",
    scopes: ["tweet.read"],
    state: "connected",
    token_expires_at: "2027-01-15T08:00:00.000Z",
    paused_at: null,
    daily_cap_micro_usd: 5000,
    metadata: { mine: 1 },
    created_at: "2027-01-03T18:13:20.000Z",
  });
});
