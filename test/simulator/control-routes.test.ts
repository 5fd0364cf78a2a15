import { expect, test } from "vitest";
import { createSimulator } from "../../simulator/simulator.ts";
import { ask, newX } from "./support.ts";

test("over HTTP a world is set up, used, read and forgotten", async () => {
  const x = createSimulator();
  const app = { client_id: "c", client_secret: "s", redirect_uris: ["https://app.test/"] };
  expect((await ask(x, "POST", "/_sim/apps", { body: app })).body).toEqual({
    client_id: "c",
    confidential: true,
    redirect_uris: ["https://app.test/"],
  });
  const user = (await ask(x, "POST", "/_sim/users", { body: { username: "ada", premium: true } })).body as {
    id: string;
  };
  expect(user).toMatchObject({ username: "ada", name: "ada", premium: true });
  const scopes = ["tweet.read", "tweet.write", "users.read"];
  const grant = await ask(x, "POST", "/_sim/grants", { body: { client_id: "c", user_id: user.id, scopes } });
  expect(grant.body).toMatchObject({ token_type: "bearer", expires_in: 7200, scope: scopes.join(" ") });
  const token = (grant.body as { access_token: string }).access_token;
  expect((await ask(x, "POST", "/2/tweets", { token, body: { text: "hello" } })).status).toBe(201);

  const books = "/_sim/tweets?limit=5&cursor=0&user_id=";
  expect((await ask(x, "GET", books + user.id, {})).body).toMatchObject({
    total: 1,
    tweets: [{ text: "hello" }],
  });
  expect((await ask(x, "GET", "/_sim/calls", {})).body).toMatchObject({
    counts: { "POST /2/tweets": { 201: 1 } },
  });
  expect((await ask(x, "GET", "/_sim/grants", {})).body).toMatchObject({ grants: [{ user_id: user.id }] });
  expect((await ask(x, "GET", "/_sim/users", {})).body).toMatchObject({ users: [user] });
  expect((await ask(x, "GET", "/_sim/media", {})).body).toEqual({ media: [] });
  await ask(x, "DELETE", "/_sim/calls", {});
  expect((await ask(x, "GET", "/_sim/calls", {})).body).toMatchObject({ total: 0 });
  await ask(x, "DELETE", "/_sim", {});
  expect((await ask(x, "GET", "/_sim/apps", {})).body).toEqual({ apps: [] });
});

test("faults and settings are put and shown", async () => {
  const { x } = newX();
  const faults = [{ times: 1, fault: { kind: "drop" } }];
  expect((await ask(x, "PUT", "/_sim/faults", { body: { faults } })).body).toEqual({
    faults: [{ ...faults[0], seen: 0, fired: 0 }],
  });
  expect((await ask(x, "GET", "/_sim/faults", {})).body).toMatchObject({ faults });
  const body = { timeline_lag_ms: 50, limits: { "POST /2/tweets": { user: [1, 60] } } };
  expect((await ask(x, "PUT", "/_sim/settings", { body })).body).toMatchObject(body);
  expect((await ask(x, "GET", "/_sim/settings", {})).body).toMatchObject({ ...body, latency_ms: 0 });
});

test("a grant can be ended from outside", async () => {
  const { x, tokens, send } = newX();
  expect((await ask(x, "DELETE", `/_sim/grants?id=${tokens.grant_id}`, {})).status).toBe(200);
  expect((await send("GET", "/2/users/me")).status).toBe(401);
});

test("access tokens can be made to expire from outside, with or without saying whose", async () => {
  const { x, user, send } = newX();
  const path = "/_sim/access-tokens/expire";
  expect((await ask(x, "POST", path, { body: { user_id: "1" } })).body).toEqual({ grants: 0 });
  expect((await send("GET", "/2/users/me")).status).toBe(200);
  expect((await ask(x, "POST", path, { body: { user_id: user.id } })).body).toEqual({ grants: 1 });
  expect((await send("GET", "/2/users/me")).status).toBe(401);
  expect((await ask(x, "POST", path, {})).body).toEqual({ grants: 1 });
});

test.each<[string, string, unknown]>([
  ["POST", "/_sim/apps", { client_id: "c" }],
  ["POST", "/_sim/apps", { client_id: "c", client_secret: 1, redirect_uris: [] }],
  ["POST", "/_sim/users", undefined],
  ["POST", "/_sim/grants", { client_id: "open", user_id: "1", scopes: [] }],
  ["DELETE", "/_sim/grants?id=1", undefined],
  ["POST", "/_sim/access-tokens/expire", { account_id: "1" }],
  ["PUT", "/_sim/faults", {}],
  ["PUT", "/_sim/faults", { faults: [{}] }],
  ["PUT", "/_sim/settings", { limits: { "POST /2/tweets": { user: [1] } } }],
  ["PUT", "/_sim/settings", { nonsense: 1 }],
  ["GET", "/_sim/tweets?limit=many", undefined],
])("%s %s with %j is refused with a reason", async (method, path, body) => {
  const { x } = newX();
  const reply = await ask(x, method, path, body === undefined ? {} : { body });
  expect(reply).toMatchObject({ status: 400, body: { error: expect.any(String) as string } });
});

test("an unknown control is not found", async () => {
  expect((await ask(newX().x, "GET", "/_sim/secrets", {})).status).toBe(404);
});
