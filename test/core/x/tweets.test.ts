import { expect, test } from "vitest";
import { createXClient } from "#core/x/client";
import { createTweet, deleteTweet } from "#core/x/tweets";

const x = (body: unknown, status = 200) =>
  createXClient({
    fetch: async () => Response.json(body, { status }),
    baseUrl: "https://x.test",
    accessToken: "token",
    now: () => 0,
  });

test("a created tweet is X's id and X's text", async () => {
  const data = { id: "2101712260468977783", text: "hi https://t.co/a", edit_history_tweet_ids: [""] };
  expect(await createTweet(x({ data }, 201), { text: "hi https://x.com" })).toEqual({
    id: "2101712260468977783",
    text: "hi https://t.co/a",
  });
});

test("errors beside the data do not matter: the tweet exists", async () => {
  const body = { data: { id: "1", text: "a" }, errors: [{ title: "Some field" }] };
  expect(await createTweet(x(body, 201), { text: "a" })).toEqual({ id: "1", text: "a" });
});

test("the id alone proves the tweet", async () => {
  expect(await createTweet(x({ data: { id: "1" } }, 201), { text: "a" })).toEqual({ id: "1", text: "a" });
});

test.each([
  ["no data", {}],
  ["an empty id", { data: { id: "", text: "a" } }],
  ["an id that is a number", { data: { id: 1, text: "a" } }],
  ["errors only", { errors: [{ message: "?" }] }],
])("a 201 with %s is unclear", async (_, body) => {
  await expect(createTweet(x(body, 201), { text: "a" })).rejects.toMatchObject({
    outcome: { type: "lost", problem: { code: "x_unexpected" } },
  });
});

test.each([true, false])("deleted: %s is X's word", async (deleted) => {
  expect(await deleteTweet(x({ data: { deleted } }), "1")).toEqual({ deleted });
});

test("a tweet that is not there counts as deleted", async () => {
  expect(await deleteTweet(x({ title: "Not Found" }, 404), "1")).toEqual({ deleted: true });
});

test("an empty 404 says nothing of the tweet: it is refused", async () => {
  const gone = createXClient({
    fetch: async () => new Response(null, { status: 404 }),
    baseUrl: "https://x.test",
    accessToken: "t",
    now: () => 0,
  });
  await expect(deleteTweet(gone, "1")).rejects.toMatchObject({
    outcome: { type: "fail", problem: { code: "x_not_found" } },
  });
});
