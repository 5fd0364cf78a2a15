import { describe, expect, test } from "vitest";
import { createXClient } from "#core/x/client";
import * as engagements from "#core/x/engagements";

const who = { user_id: "7", tweet_id: "12" };

function x(answer: () => Response) {
  const asked: string[] = [];
  const client = createXClient({
    fetch: async (request, init) => {
      const sent = new Request(request, init);
      asked.push(`${sent.method} ${new URL(sent.url).pathname} ${await sent.text()}`);
      return answer();
    },
    baseUrl: "https://x.test",
    accessToken: "token",
    now: () => 0,
  });
  return { client, asked };
}

const says = (status: number, body: unknown) => () => Response.json(body, { status });

describe.each([
  ["retweet", "retweets", "retweeted"],
  ["like", "likes", "liked"],
  ["bookmark", "bookmarks", "bookmarked"],
] as const)("%s", (verb, path, flag) => {
  const begin = engagements[verb];
  const end = engagements[`un${verb}`];

  test.each([true, false])(`${flag}: %s is X's word`, async (stands) => {
    const { client, asked } = x(says(200, { data: { [flag]: stands } }));
    expect([await begin(client, who), await end(client, who)]).toEqual([stands, stands]);
    expect(asked).toEqual([`POST /2/users/7/${path} {"tweet_id":"12"}`, `DELETE /2/users/7/${path}/12 `]);
  });

  test("what stands already stands, and is no refusal", async () => {
    const { client } = x(says(403, { detail: `You have already ${flag} this Tweet.`, status: 403 }));
    expect(await begin(client, who)).toBe(true);
  });

  test("a tweet that is not there cannot be engaged with, and is not any more", async () => {
    const { client } = x(says(404, { title: "Not Found" }));
    expect(await end(client, who)).toBe(false);
    await expect(begin(client, who)).rejects.toMatchObject({
      outcome: { type: "fail", problem: { code: "x_not_found" } },
    });
  });

  test("an answer without the word may be asked for again", async () => {
    const { client } = x(says(200, { data: {} }));
    await expect(begin(client, who)).rejects.toMatchObject({ outcome: { type: "retry" } });
  });

  test("both keep to one window", async () => {
    const { client } = x(says(429, {}));
    const gate = { scope: "window", endpoint: `POST /2/users/:id/${path}` };
    for (const ask of [begin, end])
      await expect(ask(client, who)).rejects.toMatchObject({ outcome: { type: "wait", gate } });
  });
});
