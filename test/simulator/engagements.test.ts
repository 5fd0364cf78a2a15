import { describe, expect, test } from "vitest";
import { createSimulator } from "../../simulator/simulator.ts";
import { everything, idOf, newX } from "./support.ts";

const scopes = [...everything, "like.write", "bookmark.write"];

describe.each([
  ["retweet", "retweets", "retweeted"],
  ["like", "likes", "liked"],
  ["bookmark", "bookmarks", "bookmarked"],
] as const)("a %s", (kind, path, flag) => {
  async function meeting(more = {}) {
    const met = newX(more, scopes);
    const tweet_id = idOf(await met.post("hello"));
    const base = `/2/users/${met.user.id}/${path}`;
    const make = () => met.send("POST", base, { body: { tweet_id } });
    const end = () => met.send("DELETE", `${base}/${tweet_id}`);
    return { ...met, tweet_id, base, make, end };
  }

  test("stands when it was made, and does not when it was taken back; the books say how often", async () => {
    const { x, user, tweet_id, make, end } = await meeting();
    expect(await make()).toMatchObject({ status: 200, body: { data: { [flag]: true } } });
    expect(x.engagements()).toMatchObject([
      { kind, user_id: user.id, tweet_id, on: true, made: 1, ended: 0 },
    ]);
    expect(await end()).toMatchObject({ status: 200, body: { data: { [flag]: false } } });
    expect(await end()).toMatchObject({ status: 200, body: { data: { [flag]: false } } });
    expect(x.engagements()).toMatchObject([{ on: false, made: 1, ended: 1 }]);
  });

  test("that stands is refused, or answered as if it were new, and made once", async () => {
    const { x, make } = await meeting();
    await make();
    expect(await make()).toMatchObject({
      status: 403,
      body: { detail: `You have already ${flag} this Tweet.` },
    });
    x.setSettings({ repeated_engagement: "same" });
    expect(await make()).toMatchObject({ status: 200, body: { data: { [flag]: true } } });
    expect(x.engagements()).toMatchObject([{ made: 1 }]);
  });

  test("is the user's own, of a post that is there, in a body as X has it", async () => {
    const { x, base, tweet_id, send } = await meeting();
    expect((await send("POST", `/2/users/1/${path}`, { body: { tweet_id } })).status).toBe(400);
    expect((await send("DELETE", `/2/users/1/${path}/${tweet_id}`)).status).toBe(400);
    expect((await send("POST", base, { body: { tweet_id: "1" } })).status).toBe(404);
    expect((await send("POST", base, { body: { tweet_id, loud: true } })).status).toBe(400);
    expect((await send("POST", base, { headers: { "content-type": "text/plain" } })).status).toBe(400);
    expect(x.engagements()).toEqual([]);
  });

  test("is remembered by the journal", async () => {
    const lines: string[] = [];
    const { x, make } = await meeting({ journal: (line: string) => lines.push(line) });
    await make();
    const again = createSimulator();
    again.replay(lines);
    expect(again.engagements()).toEqual(x.engagements());
  });
});

test.each([
  ["likes", "like.write"],
  ["bookmarks", "bookmark.write"],
  ["retweets", "tweet.write"],
])("%s need the scope %s", async (path, scope) => {
  const met = newX({}, scopes);
  const tweet_id = idOf(await met.post("hello"));
  const few = met.x.createGrant({
    client_id: "open",
    user_id: met.user.id,
    scopes: scopes.filter((one) => one !== scope),
  });
  const sent = { token: few.access_token, body: { tweet_id } };
  expect((await met.send("POST", `/2/users/${met.user.id}/${path}`, sent)).status).toBe(403);
});
