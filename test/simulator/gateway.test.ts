import { expect, test } from "vitest";
import { newX } from "./support.ts";

const unauthorized = { title: "Unauthorized", type: "about:blank", status: 401, detail: "Unauthorized" };

test("a route X does not have is an empty 404", async () => {
  const { x, send } = newX();
  const reply = await send("GET", "/2/nothing");
  expect([reply.status, reply.body]).toEqual([404, ""]);
  expect(x.calls().counts).toEqual({ "unknown route": { 404: 1 } });
});

test.each([
  ["no token", {}],
  ["an unknown token", { authorization: "Bearer nonsense" }],
  ["another scheme", { authorization: "Basic b3Blbjo=" }],
])("%s is 401", async (_, headers) => {
  const { x } = newX();
  const reply = await x.fetch(new Request("https://x.test/2/users/me", { headers }));
  expect(reply.status).toBe(401);
  expect(await reply.json()).toEqual(unauthorized);
});

test("a token is good for 7200 seconds", async () => {
  const { clock, send } = newX();
  clock.now += 7_199_999;
  expect((await send("GET", "/2/users/me")).status).toBe(200);
  clock.now += 1;
  expect((await send("GET", "/2/users/me")).body).toEqual(unauthorized);
});

test("each route asks for its scopes, and a refusal costs a request of the window", async () => {
  const { send, post } = newX({}, ["tweet.read", "users.read"]);
  expect((await send("GET", "/2/users/me")).status).toBe(200);
  const reply = await post("hello");
  expect(reply).toMatchObject({
    status: 403,
    body: { title: "Forbidden", detail: "Forbidden", type: "about:blank" },
  });
  expect(reply.headers.get("x-rate-limit-remaining")).toBe("99");
});

test("a call without a good token costs nothing", async () => {
  const { x, send } = newX();
  await x.fetch(new Request("https://x.test/2/users/me"));
  expect((await send("GET", "/2/users/me")).headers.get("x-rate-limit-remaining")).toBe("74");
});

test("the book of calls says whose call it was", async () => {
  const { x, user, send } = newX();
  await send("GET", "/2/users/me");
  expect(x.calls().last).toEqual([
    { method: "GET", path: "/2/users/me", status: 200, user_id: user.id, at: Date.UTC(2026, 10, 23) },
  ]);
});
