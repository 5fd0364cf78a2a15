import { describe, expect, test } from "vitest";
import { idOf, newX } from "./support.ts";

describe("posting", () => {
  test("a post comes back with its id, its text and the blank edit history seen in 2026", async () => {
    const { post } = newX();
    const reply = await post("hello");
    expect(reply.status).toBe(201);
    expect(reply.body).toEqual({
      data: { id: expect.stringMatching(/^\d{19}$/) as string, text: "hello", edit_history_tweet_ids: [""] },
    });
  });

  test.each([
    ["tweet_ids", "edit_history_tweet_ids"],
    ["post_ids", "edit_history_post_ids"],
  ] as const)("the variant %s names the post's own id", async (edit_history_variant, key) => {
    const { x, post } = newX();
    x.setSettings({ edit_history_variant });
    const reply = await post("hello");
    expect(reply.body).toMatchObject({ data: { [key]: [idOf(reply)] } });
  });

  test.each([
    ["an unknown property", { text: "a", colour: "red" }],
    ["an unknown property further in", { text: "a", reply: { in_reply_to_tweet_id: "1", loud: true } }],
    ["a text that is no text", { text: 1 }],
    ["no text and nothing else", {}],
    ["blank text and nothing else", { text: "  " }],
    ["a poll with one option", { text: "a", poll: { options: ["a"], duration_minutes: 5 } }],
    ["a poll that is too short", { text: "a", poll: { options: ["a", "b"], duration_minutes: 4 } }],
    [
      "a poll option of 26 characters",
      { text: "a", poll: { options: ["a".repeat(26), "b"], duration_minutes: 5 } },
    ],
    [
      "a poll and a quote",
      { text: "a", poll: { options: ["a", "b"], duration_minutes: 5 }, quote_tweet_id: "1" },
    ],
    ["an id with letters", { text: "a", quote_tweet_id: "abc" }],
    ["five media", { text: "a", media: { media_ids: ["1", "2", "3", "4", "5"] } }],
    ["media that do not exist", { text: "a", media: { media_ids: ["1"] } }],
    ["another audience", { text: "a", reply_settings: "nobody" }],
  ])("%s is an invalid request", async (_, body) => {
    const { x, send } = newX();
    const reply = await send("POST", "/2/tweets", { body });
    expect(reply.status).toBe(400);
    expect(reply.headers.get("content-type")).toBe("application/problem+json");
    expect(reply.body).toMatchObject({
      title: "Invalid Request",
      type: "https://api.x.com/2/problems/invalid-request",
    });
    expect(x.tweets()).toEqual([]);
  });

  test("media that do not exist are refused in X's words, in both dialects", async () => {
    const { x, post } = newX();
    const media = { media_ids: ["1"] };
    expect((await post("a", { media })).body).toMatchObject({ detail: "Your media IDs are invalid." });
    x.setSettings({ error_dialect: "old" });
    expect((await post("a", { media })).body).toEqual({
      errors: [{ parameters: { "media.media_ids": ["1"] }, message: "Your media IDs are invalid." }],
      title: "Invalid Request",
      detail: "One or more parameters to your request was invalid.",
      type: "https://api.twitter.com/2/problems/invalid-request",
    });
  });

  test("a body that is not said to be JSON is refused", async () => {
    const { send } = newX();
    const reply = await send("POST", "/2/tweets", { form: { text: "a" } });
    expect(reply.status).toBe(400);
    expect(reply.body).toMatchObject({
      detail: "Requests with bodies must have content-type of application/json.",
    });
  });

  test("281 characters are forbidden, unless the user is premium", async () => {
    const { x, post } = newX();
    expect((await post("a".repeat(280))).status).toBe(201);
    expect((await post("a".repeat(281))).body).toMatchObject({
      status: 403,
      detail: "You are not permitted to perform this action.",
    });
    x.createUser({ username: "ada", premium: true });
    expect((await post("a".repeat(281))).status).toBe(201);
  });

  test("the same text twice within a day is a duplicate, unless the first is deleted", async () => {
    const { clock, post, send } = newX();
    const first = await post("hello");
    const again = await post(" hello ");
    expect(again.status).toBe(403);
    expect(again.body).toEqual({
      detail: "You are not allowed to create a Tweet with duplicate content.",
      type: "about:blank",
      title: "Forbidden",
      status: 403,
    });
    await send("DELETE", `/2/tweets/${idOf(first)}`);
    expect((await post("hello")).status).toBe(201);
    clock.now += 7_000_000;
    expect((await post("hello")).status).toBe(403);
  });

  test("another account may say the same", async () => {
    const { x, post, send } = newX();
    await post("hello");
    const other = x.createUser({ username: "bob" });
    const { access_token } = x.createGrant({
      client_id: "open",
      user_id: other.id,
      scopes: ["tweet.read", "tweet.write", "users.read"],
    });
    expect((await send("POST", "/2/tweets", { body: { text: "hello" }, token: access_token })).status).toBe(
      201,
    );
  });

  test("a reply needs a post that is there", async () => {
    const { post, send } = newX();
    const first = await post("hello");
    const reply = { in_reply_to_tweet_id: idOf(first) };
    expect((await post("welcome", { reply })).status).toBe(201);
    await send("DELETE", `/2/tweets/${idOf(first)}`);
    expect((await post("welcome again", { reply })).body).toMatchObject({
      status: 403,
      detail: "You attempted to reply to a Tweet that is deleted or not visible to you.",
    });
  });

  test("a premium user may edit an own post within the hour, and the edit has the whole history", async () => {
    const { x, clock, post, send } = newX();
    const first = await post("helo");
    const edit_options = { previous_post_id: idOf(first) };
    expect((await post("hello", { edit_options })).status).toBe(403);
    x.createUser({ username: "ada", premium: true });
    const second = await post("hello", { edit_options });
    expect((await send("GET", `/2/tweets/${idOf(second)}`)).body).toMatchObject({
      data: { edit_history_tweet_ids: [idOf(first), idOf(second)] },
    });
    clock.now += 3_600_001;
    expect((await post("hello!", { edit_options: { previous_post_id: idOf(second) } })).status).toBe(403);
  });
});

describe("deleting", () => {
  test("an own post is gone, but stays in the books", async () => {
    const { x, post, send } = newX();
    const id = idOf(await post("hello"));
    expect((await send("DELETE", `/2/tweets/${id}`)).body).toEqual({ data: { deleted: true } });
    expect((await send("GET", `/2/tweets/${id}`)).body).not.toHaveProperty("data");
    expect(x.tweets()).toMatchObject([{ id, deleted: true, text: "hello" }]);
  });

  test.each([
    ["not_found", 404],
    ["deleted", 200],
    ["forbidden", 403],
  ] as const)("a missing post is %s by setting", async (delete_missing, status) => {
    const { x, send } = newX();
    x.setSettings({ delete_missing });
    expect((await send("DELETE", "/2/tweets/1")).status).toBe(status);
  });
});

describe("looking up", () => {
  test("what is missing among many is told in errors, with HTTP 200", async () => {
    const { post, send } = newX();
    const id = idOf(await post("hello"));
    const reply = await send("GET", `/2/tweets?ids=${id},456`);
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({
      data: [{ id, text: "hello", edit_history_tweet_ids: [id] }],
      errors: [{ value: "456", detail: "Could not find tweet with id: [456].", resource_type: "tweet" }],
    });
  });

  test("a single missing post is 200 with only errors, or 404 by setting", async () => {
    const { x, send } = newX();
    const reply = await send("GET", "/2/tweets/456");
    expect(reply.status).toBe(200);
    expect(Object.keys(reply.body as object)).toEqual(["errors"]);
    x.setSettings({ missing_tweet: "not_found" });
    expect((await send("GET", "/2/tweets/456")).status).toBe(404);
  });

  test.each(["", "1,x", Array.from({ length: 101 }, (_, n) => n + 1).join()])(
    "the ids %j are refused",
    async (ids) => {
      const { send } = newX();
      expect((await send("GET", `/2/tweets?ids=${ids}`)).status).toBe(400);
    },
  );
});
