import { expect, test } from "vitest";
import { newX } from "./support.ts";

test("me is the user of the token, with three fields unless more are asked for", async () => {
  const { user, send } = newX();
  const me = { id: user.id, name: "ada", username: "ada" };
  expect((await send("GET", "/2/users/me")).body).toEqual({ data: me });
  const more = await send("GET", "/2/users/me?user.fields=subscription_type,verified_type,nonsense");
  expect(more.body).toEqual({ data: { ...me, subscription_type: "None", verified_type: "none" } });
});

test("a user is found by id; a missing one is an error with HTTP 200", async () => {
  const { x, send } = newX();
  const bob = x.createUser({ username: "bob", name: "Bob B.", premium: true });
  expect((await send("GET", `/2/users/${bob.id}?user.fields=verified`)).body).toEqual({
    data: { id: bob.id, name: "Bob B.", username: "bob", verified: true },
  });
  expect((await send("GET", "/2/users/99")).body).toMatchObject({
    errors: [{ detail: "Could not find user with id: [99].", resource_type: "user" }],
  });
});
