import { expect, test } from "vitest";
import { idOf, newX } from "./support.ts";

async function conversation() {
  const at = newX();
  const first = idOf(await at.post("first"));
  const second = idOf(await at.post("second", { reply: { in_reply_to_tweet_id: first } }));
  const read = async (query: string) => (await at.send("GET", `/2/tweets/${second}?${query}`)).body;
  return { ...at, first, second, read };
}

test("without wishes a post is id, text and its edit history", async () => {
  const { read, second } = await conversation();
  expect(await read("")).toEqual({ data: { id: second, text: "second", edit_history_tweet_ids: [second] } });
});

test("the legacy vocabulary gives author, references and metrics as fields", async () => {
  const { read, user, first } = await conversation();
  const names =
    "author_id,created_at,conversation_id,referenced_tweets,in_reply_to_user_id,public_metrics,nonsense";
  expect(await read(`tweet.fields=${names}`)).toMatchObject({
    data: {
      author_id: user.id,
      created_at: "2026-11-23T00:00:00.000Z",
      conversation_id: first,
      referenced_tweets: [{ type: "replied_to", id: first }],
      in_reply_to_user_id: user.id,
      public_metrics: { retweet_count: 0 },
    },
  });
});

test("the new vocabulary gives them by expansions only", async () => {
  const { read, user, first, second } = await conversation();
  const fields = "post.fields=author_id,conversation_id,public_metrics,referenced_posts";
  const metrics = { repost_count: 0, reply_count: 0, like_count: 0, quote_count: 0, bookmark_count: 0 };
  const data = {
    id: second,
    text: "second",
    conversation_id: first,
    public_metrics: { ...metrics, impression_count: 0 },
  };
  expect(await read(fields)).toEqual({ data });
  expect(await read(`${fields}&expansions=author_id,referenced_posts,edit_history_post_ids`)).toEqual({
    data: {
      ...data,
      author_id: user.id,
      referenced_posts: [{ type: "replied_to", id: first }],
      edit_history_post_ids: [second],
    },
    includes: {
      users: [{ id: user.id, name: "ada", username: "ada" }],
      posts: [expect.objectContaining({ id: first, text: "first" })],
    },
  });
});

test("an expansion of the new vocabulary alone is enough to speak it", async () => {
  const { read, first } = await conversation();
  expect(await read("expansions=referenced_posts")).toMatchObject({
    data: { referenced_posts: [{ id: first }] },
    includes: { posts: [{ id: first }] },
  });
});

test("legacy expansions include the posts replied to and their user", async () => {
  const { read, first, user } = await conversation();
  expect(await read("expansions=referenced_tweets.id,in_reply_to_user_id")).toMatchObject({
    data: { referenced_tweets: [{ id: first }], in_reply_to_user_id: user.id },
    includes: { tweets: [{ id: first, text: "first" }], users: [{ id: user.id }] },
  });
});

test("a poll is included with its end and open until then", async () => {
  const { clock, post, send } = newX();
  const id = idOf(await post("choose", { poll: { options: ["a", "b"], duration_minutes: 5 } }));
  const read = async () => (await send("GET", `/2/tweets/${id}?expansions=attachments.poll_ids`)).body;
  expect(await read()).toMatchObject({
    data: { attachments: { poll_ids: [id] } },
    includes: {
      polls: [{ voting_status: "open", end_datetime: "2026-11-23T00:05:00.000Z", duration_minutes: 5 }],
    },
  });
  clock.now += 300_000;
  expect(await read()).toMatchObject({ includes: { polls: [{ voting_status: "closed" }] } });
});

test("a long post's whole text stands in its note with its links, named by the vocabulary", async () => {
  const { x, post, send } = newX({ random: () => 0 });
  x.createUser({ username: "ada", premium: true });
  const id = idOf(await post(`${"long ".repeat(100)}example.com`));
  const note = {
    text: `${"long ".repeat(100)}https://t.co/aaaaaaaaaa`,
    entities: { urls: [{ start: 500, end: 523, expanded_url: "http://example.com" }] },
  };
  const legacy = (await send("GET", `/2/tweets/${id}?tweet.fields=note_tweet,entities`)).body;
  expect(legacy).toMatchObject({ data: { note_tweet: note } });
  expect(legacy).not.toHaveProperty("data.entities");
  expect((await send("GET", `/2/tweets/${id}?post.fields=note_post`)).body).toMatchObject({
    data: { note_post: note },
  });
});
