import { expect, test } from "vitest";
import { defaults, settingsFlaw } from "../../simulator/settings.ts";

test("the defaults, and any part of them, are good settings", () => {
  expect(settingsFlaw(defaults)).toBeNull();
  expect(settingsFlaw({})).toBeNull();
});

test.each([
  { limits: "off" },
  { limits: { "POST /2/tweets": "off", "GET /2/tweets": { user: [5, 60], app: [9, 60] } } },
])("%j is a good limit", (change) => {
  expect(settingsFlaw(change)).toBeNull();
});

test("posts to hide are named by user, text, both or neither", () => {
  expect(settingsFlaw({ hide: [{ ms: 1 }, { user_id: "7", text: "a", ms: 0 }] })).toBeNull();
});

test.each([
  null,
  { hide: [{ text: "a" }] },
  { hide: [{ ms: 5, id: "7" }] },
  { nonsense: true },
  { latency_ms: -1 },
  { error_dialect: "klingon" },
  { reused_refresh_token: true },
  { limits: "on" },
  { limits: { "POST /2/tweets": { user: [0, 60] } } },
  { limits: { "POST /2/tweets": { team: [1, 60] } } },
])("%j is refused with a reason", (change) => {
  expect(settingsFlaw(change)).toEqual(expect.any(String));
});
