import { describe, expect, test } from "vitest";
import { createSimulator } from "../../../simulator/simulator.ts";
import { createXClient } from "#core/x/client";
import { ownTweets } from "#core/x/timelines";

const START = Date.UTC(2026, 10, 23);
const SECOND = 1000;

/** An account that posted `count` tweets, one a second. */
async function withTweets(count: number) {
  let time = START;
  const simulator = createSimulator({ now: () => time });
  simulator.setSettings({ limits: "off" });
  simulator.createApp({ client_id: "app", redirect_uris: [] });
  const user = simulator.createUser({ username: "ada" });
  const scopes = ["tweet.read", "tweet.write", "users.read"];
  const { access_token } = simulator.createGrant({ client_id: "app", user_id: user.id, scopes });
  const asked: string[] = [];
  const x = createXClient({
    fetch: (request, init) => {
      asked.push(new URL(new Request(request).url).search);
      return simulator.fetch(new Request(request, init));
    },
    baseUrl: "https://x.test",
    accessToken: access_token,
    now: () => time,
  });
  const headers = { authorization: `Bearer ${access_token}`, "content-type": "application/json" };
  const post = (body: object) =>
    simulator.fetch(
      new Request("https://x.test/2/tweets", { method: "POST", headers, body: JSON.stringify(body) }),
    );
  for (let n = 0; n < count; n++) {
    time = START + n * SECOND;
    await post({ text: `tweet ${n}` });
  }
  const look = async (from_s: number, to_s?: number) => {
    const to = to_s === undefined ? undefined : START + to_s * SECOND;
    const { tweets, ...rest } = await ownTweets(x, { user_id: user.id, from: START + from_s * SECOND, to });
    return { texts: tweets.map(({ text }) => text), ...rest };
  };
  return { simulator, user, x, post, look, asked };
}

/** What X answers, page by page. */
const paged = (...pages: unknown[]) =>
  createXClient({
    fetch: async () => Response.json(pages.shift()),
    baseUrl: "https://x.test",
    accessToken: "token",
    now: () => START,
  });

test("what is younger comes newest first, and one page is enough for few", async () => {
  const { look } = await withTweets(9);
  expect(await look(6)).toEqual({
    texts: ["tweet 8", "tweet 7", "tweet 6"],
    reads: 5,
    calls: 1,
    complete: true,
  });
});

test("it is paged back until a tweet is older", async () => {
  const { look, asked } = await withTweets(30);
  const { texts, ...rest } = await look(18);
  expect(texts).toEqual(Array.from({ length: 12 }, (_, n) => `tweet ${29 - n}`));
  expect(rest).toEqual({ reads: 15, calls: 3, complete: true });
  expect(asked.map((query) => new URLSearchParams(query).has("pagination_token"))).toEqual([
    false,
    true,
    true,
  ]);
});

test("it is paged back to the end of the list, and an empty list is complete", async () => {
  expect(await (await withTweets(7)).look(-60)).toMatchObject({ reads: 7, calls: 2, complete: true });
  expect(await (await withTweets(0)).look(-60)).toEqual({ texts: [], reads: 0, calls: 1, complete: true });
});

test("what is younger than the end asked for is neither read nor paid for", async () => {
  const { look } = await withTweets(20);
  expect(await look(3, 5)).toEqual({
    texts: ["tweet 5", "tweet 4", "tweet 3"],
    reads: 5,
    calls: 1,
    complete: true,
  });
});

test("an account that posts without end is not read to the end, and that is said", async () => {
  const { look } = await withTweets(201);
  expect(await look(0)).toMatchObject({ reads: 200, calls: 40, complete: false });
});

test("a short or empty page is not the last when X names a next one", async () => {
  const id = "2192387212345678901";
  const found = await ownTweets(
    paged(
      { meta: { result_count: 0, next_token: "a" } },
      { data: [{ id, text: "here", author_id: "7" }], meta: { result_count: 1, next_token: "b" } },
      { meta: { result_count: 0 } },
    ),
    { user_id: "7", from: 0 },
  );
  expect(found).toMatchObject({ tweets: [{ id, text: "here" }], reads: 1, calls: 3, complete: true });
});

describe("a look that was not whole throws", () => {
  const page = {
    data: [{ id: "2192387212345678901", text: "here", author_id: "7" }],
    meta: { result_count: 1 },
  };

  test.each<[string, string, unknown[]]>([
    ["errors beside the data", "retry", [{ ...page, errors: [{ title: "Unavailable" }] }]],
    ["no such user", "fail", [{ errors: [{ type: "https://api.x.com/2/problems/resource-not-found" }] }]],
    ["a page that cannot be read", "retry", [{}]],
    [
      "a later page that cannot be read",
      "retry",
      [{ ...page, meta: { result_count: 1, next_token: "a" } }, {}],
    ],
  ])("%s", async (_, type, pages) => {
    await expect(ownTweets(paged(...pages), { user_id: "7", from: 0 })).rejects.toMatchObject({
      outcome: { type },
    });
  });

  test.each([
    ["an unavailable X", 503, "retry"],
    ["a used up window", 429, "wait"],
    ["a refused token", 401, "wait"],
  ])("%s", async (_, status, type) => {
    const { simulator, look } = await withTweets(1);
    simulator.setFaults([{ fault: { kind: "error", status } }]);
    await expect(look(0)).rejects.toMatchObject({ outcome: { type } });
  });
});

test("what the matcher needs is read of a real timeline", async () => {
  const { simulator, user, x, post } = await withTweets(1);
  simulator.createUser({ username: "ada", premium: true });
  const first = simulator.tweets()[0]?.id ?? "";
  await post({ text: `${"long ".repeat(80)} a.com/1`, reply: { in_reply_to_tweet_id: first } });
  await post({ text: "which?", poll: { options: ["this", "that"], duration_minutes: 5 } });
  await post({ text: "so true", quote_tweet_id: first });
  const { tweets } = await ownTweets(x, { user_id: user.id, from: START });
  expect(tweets).toMatchObject([
    { quoted: first, links: [{ meanings: [`https://x.com/ada/status/${first}`, expect.any(String)] }] },
    { poll: ["this", "that"], text: "which?" },
    { replied_to: first, noted: true, links: [{ meanings: ["http://a.com/1", "a.com/1"] }] },
    { text: "tweet 0", replied_to: null, quoted: null, poll: null, noted: false },
  ]);
});
