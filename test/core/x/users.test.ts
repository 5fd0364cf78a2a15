import { expect, test } from "vitest";
import { createXClient } from "#core/x/client";
import { me } from "#core/x/users";

const x = (body: unknown, status = 200) =>
  createXClient({
    fetch: async () => Response.json(body, { status }),
    baseUrl: "https://x.test",
    accessToken: "token",
    now: () => 0,
  });

test("me is whose token it is", async () => {
  const data = { id: "2244994945", name: "X Dev", username: "XDevelopers", verified: true };
  expect(await me(x({ data }))).toEqual({ id: "2244994945", name: "X Dev", username: "XDevelopers" });
});

test("a 200 without a user may be asked again", async () => {
  await expect(me(x({ data: { id: "1" } }))).rejects.toMatchObject({ outcome: { type: "retry" } });
});

test("a 401 waits for the account", async () => {
  await expect(me(x({ title: "Unauthorized" }, 401))).rejects.toMatchObject({
    outcome: { type: "wait", gate: { scope: "account" }, reason: "token_rejected" },
  });
});
