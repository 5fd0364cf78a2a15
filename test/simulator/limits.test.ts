import { expect, test } from "vitest";
import { limits, Windows } from "../../simulator/limits.ts";
import { routes } from "../../simulator/routes.ts";
import { defaults, type Settings } from "../../simulator/settings.ts";
import { newX } from "./support.ts";

const tiny: Settings = { ...defaults, limits: { "POST /2/tweets": { user: [2, 900], app: [3, 86_400] } } };
const take = (windows: Windows, user: string, now = 0, settings = tiny) =>
  windows.take("POST /2/tweets", "app", user, settings, now);

test("every endpoint has its limits", () => {
  expect(routes.map(({ name }) => name).filter((name) => !limits[name])).toEqual([]);
});

test("a window counts down, refuses at zero, and opens again all at once", () => {
  const windows = new Windows();
  expect(take(windows, "u", 500).headers).toEqual({
    "x-rate-limit-limit": "2",
    "x-rate-limit-remaining": "1",
    "x-rate-limit-reset": "901",
  });
  expect(take(windows, "u", 600).headers["x-rate-limit-remaining"]).toBe("0");
  expect(take(windows, "u", 700)).toMatchObject({
    allowed: false,
    headers: { "x-rate-limit-remaining": "0" },
  });
  expect(take(windows, "u", 900_499).allowed).toBe(false);
  expect(take(windows, "u", 900_500).allowed).toBe(true);
});

test("users have windows of their own, but share the app's day", () => {
  const windows = new Windows();
  expect(["u", "u", "v", "v"].map((user) => take(windows, user).allowed)).toEqual([true, true, true, false]);
  expect(take(windows, "w").headers).toMatchObject({
    "x-rate-limit-remaining": "2",
    "x-app-limit-24hour-remaining": "0",
    "x-app-limit-24hour-reset": "86400",
  });
});

test("limits can be switched off, one or all", () => {
  const one = { ...defaults, limits: { "POST /2/tweets": "off" } } as const;
  expect(take(new Windows(), "u", 0, one)).toEqual({ allowed: true, headers: {} });
  expect(take(new Windows(), "u", 0, { ...defaults, limits: "off" })).toEqual({ allowed: true, headers: {} });
});

test("after clearing, every window begins anew", () => {
  const windows = new Windows();
  for (const user of ["u", "u", "v"]) take(windows, user);
  windows.clear();
  expect(take(windows, "u").allowed).toBe(true);
});

test("over the limit X answers 429 about:blank with its headers", async () => {
  const { x, send } = newX();
  x.setSettings({ limits: { "GET /2/users/me": { user: [1, 900] } } });
  expect((await send("GET", "/2/users/me")).status).toBe(200);
  const reply = await send("GET", "/2/users/me");
  expect(reply.body).toEqual({
    title: "Too Many Requests",
    detail: "Too Many Requests",
    type: "about:blank",
    status: 429,
  });
  expect(reply.headers.get("x-rate-limit-remaining")).toBe("0");
  expect(reply.headers.get("x-rate-limit-reset")).toBe(String(Date.UTC(2026, 10, 23) / 1000 + 900));
});
