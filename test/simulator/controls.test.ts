import { expect, test } from "vitest";
import { BadControl } from "../../simulator/controls.ts";
import { ask, everything, newX } from "./support.ts";

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

test("access tokens end before their time for everyone, a user or a grant; refresh tokens stay good", async () => {
  const { x, user, tokens, send } = newX();
  const bob = x.createUser({ username: "bob" });
  const other = x.createGrant({ client_id: "open", user_id: bob.id, scopes: everything });
  const status = async (token: string) => (await send("GET", "/2/users/me", { token })).status;
  expect(x.expireAccess({ user_id: bob.id })).toBe(1);
  expect([await status(tokens.access_token), await status(other.access_token)]).toEqual([200, 401]);
  expect(x.expireAccess({ user_id: user.id, grant_id: other.grant_id })).toBe(0);
  expect(x.expireAccess({ grant_id: tokens.grant_id })).toBe(1);
  expect(await status(tokens.access_token)).toBe(401);
  const form = { grant_type: "refresh_token", client_id: "open", refresh_token: tokens.refresh_token ?? "" };
  const fresh = (await ask(x, "POST", "/2/oauth2/token", { form })).body as { access_token: string };
  expect(await status(fresh.access_token)).toBe(200);
  expect(x.expireAccess()).toBe(2);
  expect(await status(fresh.access_token)).toBe(401);
});
