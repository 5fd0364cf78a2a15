import { describe, expect, test } from "vitest";
import { ask, callback, newX } from "./support.ts";

const good = {
  response_type: "code",
  client_id: "open",
  redirect_uri: callback,
  scope: "tweet.read users.read",
  state: "s1",
  code_challenge: "challenge",
  code_challenge_method: "S256",
};
const address = (change: Record<string, string> = {}) =>
  `/i/oauth2/authorize?${new URLSearchParams({ ...good, ...change }).toString()}`;

describe("the page", () => {
  test("it names the app, the scopes and the users to choose from", async () => {
    const { x, user } = newX();
    x.createUser({ username: "bob", name: '<b>"Bob"' });
    const reply = await ask(x, "GET", address(), {});
    expect(reply.status).toBe(200);
    expect(reply.headers.get("content-type")).toContain("text/html");
    expect(reply.body).toContain("open wants to access");
    expect(reply.body).toContain("<li>tweet.read</li>");
    expect(reply.body).toContain(`<option value="${user.id}">@ada (ada)</option>`);
    expect(reply.body).toContain("@bob (&lt;b&gt;&quot;Bob&quot;)");
  });

  test.each([
    ["an unknown app", { client_id: "nobody" }],
    ["a callback that is not registered to the letter", { redirect_uri: `${callback}/` }],
    ["another response type", { response_type: "token" }],
    ["an unknown scope", { scope: "tweet.read everything" }],
    ["no scope", { scope: "" }],
    ["no state", { state: "" }],
    ["a state of 501 characters", { state: "s".repeat(501) }],
    ["no challenge", { code_challenge: "" }],
    ["another challenge method", { code_challenge_method: "S512" }],
  ])("%s is shown an error page and sent nowhere", async (_, change) => {
    const { x } = newX();
    for (const method of ["GET", "POST"]) {
      const reply = await ask(x, method, address(change), {});
      expect(reply.status).toBe(400);
      expect(reply.headers.get("location")).toBeNull();
      expect(reply.body).toContain("Something went wrong");
    }
  });

  test.each(["S256", "s256", "plain"])("the challenge method %s is taken", async (code_challenge_method) => {
    const { x } = newX();
    expect((await ask(x, "GET", address({ code_challenge_method }), {})).status).toBe(200);
  });
});

describe("the decision", () => {
  test("authorizing leads back with state and a code", async () => {
    const { x, user } = newX();
    const form = { user_id: user.id, decision: "authorize" };
    const reply = await ask(x, "POST", address({ state: "a&b c" }), { form });
    expect(reply.status).toBe(302);
    const back = new URL(reply.headers.get("location") ?? "");
    expect(back.origin + back.pathname).toBe(callback);
    expect(back.searchParams.get("state")).toBe("a&b c");
    expect(back.searchParams.get("code")).toMatch(/^[\w-]+$/);
  });

  test("canceling leads back with access_denied", async () => {
    const { x } = newX();
    const reply = await ask(x, "POST", address(), { form: { decision: "cancel" } });
    expect(reply.headers.get("location")).toBe(`${callback}?error=access_denied&state=s1`);
  });

  test.each([{ decision: "authorize" }, { decision: "authorize", user_id: "1" }, { decision: "perhaps" }])(
    "%j decides nothing",
    async (form) => {
      const { x } = newX();
      expect((await ask(x, "POST", address(), { form: form })).status).toBe(400);
    },
  );

  test("a person without a user makes one by naming it; the same name is the same user", async () => {
    const { x, user } = newX();
    for (const new_username of ["grace", "@Grace", " grace "]) {
      const form = { user_id: user.id, new_username, decision: "authorize" };
      expect((await ask(x, "POST", address(), { form })).status).toBe(302);
    }
    const page = await ask(x, "GET", address(), {});
    expect(String(page.body).match(/<option/g)).toHaveLength(2);
    expect(page.body).toContain("@grace");
  });

  test.each(["sixteen_letters_", "two words", "<b>"])("the name %s makes nobody", async (new_username) => {
    const { x, user } = newX();
    const form = { user_id: user.id, new_username, decision: "authorize" };
    const reply = await ask(x, "POST", address(), { form });
    expect(reply.status).toBe(400);
    expect(reply.body).toContain("1 to 15 letters");
  });
});
