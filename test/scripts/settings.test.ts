import { resolve } from "node:path";
import { expect, test } from "vitest";
import { ofX, readSettings } from "../../scripts/settings.ts";

test("without any environment, everything is on its usual port, with the simulator", () => {
  const usual = {
    port: 8787,
    simulator_port: 8788,
    state_dir: resolve(".state"),
    admin_key: null,
    other_x: null,
    time_scale: 1,
  };
  expect(readSettings({})).toEqual(usual);
  expect(readSettings({ PORT: "", STATE_DIR: "", X_API_URL: "" })).toEqual(usual);
});

test("what X allows and charges is passed on where it is said", () => {
  const said = { X_APP_WINDOWS: "off", X_PRICES: '{"tweet":10000}' };
  expect(ofX({ ...said, PORT: "1" })).toEqual(said);
  expect(ofX({ X_APP_WINDOWS: "", PORT: "1" })).toEqual({});
});

test("another X is named by two addresses, and may come with an app", () => {
  const addresses = { X_API_URL: "https://api.x.com", X_AUTHORIZE_URL: "https://x.com/i/oauth2/authorize" };
  const other_x = {
    api_url: "https://api.x.com",
    authorize_url: "https://x.com/i/oauth2/authorize",
    client_id: null,
    client_secret: null,
  };
  expect(readSettings(addresses).other_x).toEqual(other_x);
  expect(readSettings({ ...addresses, X_API_URL: "https://api.x.com/" }).other_x).toEqual(other_x);
  expect(readSettings({ ...addresses, X_CLIENT_ID: "app" }).other_x).toEqual({
    ...other_x,
    client_id: "app",
  });
});

test.each([
  [{ PORT: "eighty" }, "PORT must be a port"],
  [{ SIMULATOR_PORT: "0" }, "SIMULATOR_PORT must be a port"],
  [{ PORT: "65536" }, "PORT must be a port"],
  [{ ADMIN_KEY: "two words" }, "ADMIN_KEY is sent in a header"],
  [{ TIME_SCALE: "fast" }, "TIME_SCALE must be"],
  [{ X_API_URL: "https://api.x.com" }, "both, or neither"],
  [{ X_AUTHORIZE_URL: "https://x.com/i/oauth2/authorize" }, "both, or neither"],
  [{ X_API_URL: "https://api.x.com/2", X_AUTHORIZE_URL: "https://x.com" }, "must be an origin"],
])("%j is refused in a sentence", (environment, sentence) => {
  expect(() => readSettings(environment)).toThrow(sentence);
});
