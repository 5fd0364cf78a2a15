// The public library knows nothing of this project: that it works unmodified says the simulator is like X.
import { Agent } from "node:https";
import { connect } from "node:net";
import { ApiResponseError, TwitterApi } from "twitter-api-v2";
import { afterEach, beforeEach, expect, test } from "vitest";
import { serveSimulator, type Server } from "../../simulator/server.ts";

const callback = "https://app.test/callback";
const scope = ["tweet.read", "tweet.write", "users.read", "media.write", "offline.access"] as const;
let server: Server;

beforeEach(async () => {
  server = await serveSimulator({ port: 0 });
  server.simulator.createApp({ client_id: "lib", client_secret: "hush", redirect_uris: [callback] });
});
afterEach(() => server.close());

// The library speaks https only; a plain socket in place of a TLS one reaches a local port.
class PlainAgent extends Agent {
  override createConnection() {
    return connect(server.port, "127.0.0.1");
  }
}

/** Go through the consent page as a browser would. */
async function consent(url: string, user_id: string): Promise<URLSearchParams> {
  const page = await fetch(url.replace("https://x.com", server.url));
  const html = await page.text();
  const inputs = html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g);
  const form = new URLSearchParams({ user_id, decision: "authorize" });
  for (const [, name, value] of inputs) form.set(name ?? "", (value ?? "").replaceAll("&amp;", "&"));
  const action = /<form method="post" action="([^"]*)">/.exec(html)?.[1] ?? "";
  const back = await fetch(server.url + action, { method: "POST", body: form, redirect: "manual" });
  return new URL(back.headers.get("location") ?? "").searchParams;
}

test("twitter-api-v2 logs in, posts, reads, deletes, refreshes, and cannot refresh twice", async () => {
  const user = server.simulator.createUser({ username: "ada" });
  const settings = { httpAgent: new PlainAgent() };
  const app = new TwitterApi({ clientId: "lib", clientSecret: "hush" }, settings);
  const link = app.generateOAuth2AuthLink(callback, { scope: [...scope] });
  const back = await consent(link.url, user.id);
  expect(back.get("state")).toBe(link.state);

  const { codeVerifier } = link;
  const login = await app.loginWithOAuth2({
    code: back.get("code") ?? "",
    codeVerifier,
    redirectUri: callback,
  });
  expect(login.expiresIn).toBe(7200);
  expect(new Set(login.scope)).toEqual(new Set(scope));
  expect((await login.client.v2.me()).data).toEqual({ id: user.id, name: "ada", username: "ada" });

  const posted = await login.client.v2.tweet("hello from a library");
  const timeline = await login.client.v2.userTimeline(user.id, {
    "tweet.fields": ["created_at", "author_id"],
  });
  expect(timeline.tweets).toMatchObject([
    { id: posted.data.id, author_id: user.id, text: "hello from a library" },
  ]);
  expect(timeline.rateLimit).toMatchObject({ limit: 900, remaining: 899 });
  expect((await login.client.v2.deleteTweet(posted.data.id)).data.deleted).toBe(true);

  const refreshed = await app.refreshOAuth2Token(login.refreshToken ?? "");
  expect((await refreshed.client.v2.me()).data.id).toBe(user.id);
  const again = await app.refreshOAuth2Token(login.refreshToken ?? "").catch((error: unknown) => error);
  expect(again).toBeInstanceOf(ApiResponseError);
  expect(again).toMatchObject({
    code: 400,
    data: { error: "invalid_request", error_description: "Value passed for the token was invalid." },
  });
  // The reuse has ended the whole family.
  await expect(refreshed.client.v2.me()).rejects.toMatchObject({ code: 401 });
});

test("twitter-api-v2 uploads a picture in segments and posts it", async () => {
  const user = server.simulator.createUser({ username: "ada" });
  const { access_token } = server.simulator.createGrant({
    client_id: "lib",
    user_id: user.id,
    scopes: [...scope],
  });
  const { v2 } = new TwitterApi(access_token, { httpAgent: new PlainAgent() });
  const picture = Buffer.alloc(2_500_000, 7);
  const id = await v2.uploadMedia(picture, { media_type: "image/png", media_category: "tweet_image" });
  const posted = await v2.tweet("look", { media: { media_ids: [id] } });
  expect(posted.data.text).toMatch(/^look https:\/\/t\.co\/\w{10}$/);
  expect(server.simulator.media()).toMatchObject([{ id, size: picture.length, state: "succeeded" }]);
});
