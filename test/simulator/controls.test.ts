import { expect, test } from "vitest";
import { BadControl } from "../../simulator/controls.ts";
import { newX } from "./support.ts";

test("creating a user again keeps the id and takes what is new", () => {
  const { x, user } = newX();
  expect(x.createUser({ username: "ADA", name: "Ada L." })).toEqual({
    ...user,
    username: "ADA",
    name: "Ada L.",
  });
  expect(x.createUser({ username: "ada", premium: true })).toMatchObject({
    id: user.id,
    name: "Ada L.",
    premium: true,
  });
  expect(x.users()).toHaveLength(1);
});

test("registering an app again replaces its callbacks", () => {
  const { x } = newX();
  x.createApp({ client_id: "open", redirect_uris: ["https://other.test/"] });
  expect(x.apps()[1]).toEqual({
    client_id: "open",
    confidential: false,
    redirect_uris: ["https://other.test/"],
  });
});

test("grants need an app, a user and scopes that exist", () => {
  const { x, user } = newX();
  const good = { client_id: "open", user_id: user.id, scopes: ["tweet.read"] };
  for (const wrong of [{ client_id: "nobody" }, { user_id: "1" }, { scopes: ["everything"] }]) {
    expect(() => x.createGrant({ ...good, ...wrong })).toThrow(BadControl);
  }
  expect(x.createGrant(good)).not.toHaveProperty("refresh_token");
});

test("settings given are changed, the others stay", () => {
  const { x } = newX();
  x.setSettings({ latency_ms: 5 });
  expect(x.setSettings({ escape_text: false })).toMatchObject({ latency_ms: 5, escape_text: false });
});
