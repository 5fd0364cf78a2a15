import { expect, test } from "vitest";
import { idOf, newX } from "./support.ts";

type Page = {
  data?: { id: string; text: string }[];
  meta: {
    result_count: number;
    newest_id?: string;
    oldest_id?: string;
    next_token?: string;
    previous_token?: string;
  };
};

async function withPosts(count: number) {
  const at = newX();
  const ids: string[] = [];
  at.x.setSettings({ limits: "off" });
  for (let n = 0; n < count; n++) {
    at.clock.now += 1_000;
    ids.push(idOf(await at.post(`post ${n}`)));
  }
  const timeline = async (query: string) =>
    (await at.send("GET", `/2/users/${at.user.id}/tweets?${query}`)).body as Page;
  const texts = async (query: string) => (await timeline(query)).data?.map(({ text }) => text) ?? [];
  return { ...at, ids, timeline, texts };
}

test("the newest ten come first, with the ids of both ends", async () => {
  const { timeline, ids } = await withPosts(12);
  const { data, meta } = await timeline("");
  expect(data?.map(({ id }) => id)).toEqual(ids.slice(2).reverse());
  expect(meta).toMatchObject({ result_count: 10, newest_id: ids[11], oldest_id: ids[2] });
});

test("an empty timeline has no data", async () => {
  const { timeline } = await withPosts(0);
  expect(await timeline("")).toEqual({ meta: { result_count: 0 } });
});

test("tokens lead through all pages, forth and back", async () => {
  const { timeline } = await withPosts(12);
  const first = await timeline("max_results=5");
  const second = await timeline(`max_results=5&pagination_token=${first.meta.next_token ?? ""}`);
  const third = await timeline(`max_results=5&pagination_token=${second.meta.next_token ?? ""}`);
  expect([first, second, third].map(({ meta }) => meta.result_count)).toEqual([5, 5, 2]);
  expect(first.meta.previous_token).toBeUndefined();
  expect(third.meta.next_token).toBeUndefined();
  const back = await timeline(`max_results=5&pagination_token=${second.meta.previous_token ?? ""}`);
  expect(back.data).toEqual(first.data);
});

test("since_id and until_id are exclusive, and beat the times", async () => {
  const { texts, ids } = await withPosts(5);
  expect(await texts(`since_id=${ids[2] ?? ""}`)).toEqual(["post 4", "post 3"]);
  expect(await texts(`until_id=${ids[2] ?? ""}`)).toEqual(["post 1", "post 0"]);
  expect(await texts(`since_id=${ids[3] ?? ""}&start_time=2026-11-23T00:00:01Z`)).toEqual(["post 4"]);
});

test("start_time is inclusive, end_time exclusive", async () => {
  const { texts } = await withPosts(5);
  const range = "start_time=2026-11-23T00:00:02Z&end_time=2026-11-23T00:00:04.000Z";
  expect(await texts(range)).toEqual(["post 2", "post 1"]);
});

test("replies can be excluded", async () => {
  const { texts, post, ids } = await withPosts(1);
  await post("an answer", { reply: { in_reply_to_tweet_id: ids[0] } });
  expect(await texts("")).toEqual(["an answer", "post 0"]);
  expect(await texts("exclude=replies,retweets")).toEqual(["post 0"]);
});

test("with a lag, a post shows up late, though it can be looked up at once", async () => {
  const { x, clock, post, send, texts } = await withPosts(0);
  x.setSettings({ timeline_lag_ms: 5_000 });
  const id = idOf(await post("hello"));
  expect(await texts("")).toEqual([]);
  expect((await send("GET", `/2/tweets/${id}`)).body).toMatchObject({ data: { id } });
  clock.now += 5_000;
  expect(await texts("")).toEqual(["hello"]);
});

test("one post can be hidden for a time, by its user and a part of its text, while the others show", async () => {
  const { x, clock, user, post, send, texts } = await withPosts(1);
  const hide = [
    { user_id: user.id, text: "secret", ms: 5_000 },
    { user_id: "1", ms: 9_000 },
    { text: "top", ms: 7_000 },
  ];
  x.setSettings({ hide });
  const id = idOf(await post("secret"));
  await post("top secret");
  expect(await texts("")).toEqual(["post 0"]);
  expect((await send("GET", `/2/tweets/${id}`)).body).toMatchObject({ data: { id } });
  clock.now += 5_000;
  expect(await texts("")).toEqual(["secret", "post 0"]);
  clock.now += 2_000;
  expect(await texts("")).toEqual(["top secret", "secret", "post 0"]);
});

test("a deleted post is gone, and of an edited one the last version stays", async () => {
  const { x, post, send, texts, ids } = await withPosts(2);
  x.createUser({ username: "ada", premium: true });
  await send("DELETE", `/2/tweets/${ids[0] ?? ""}`);
  await post("post one", { edit_options: { previous_post_id: ids[1] } });
  expect(await texts("")).toEqual(["post one"]);
});

test.each([
  ["max_results=4", "max_results", "4"],
  ["max_results=101", "max_results", "101"],
  ["max_results=many", "max_results", "many"],
  ["since_id=x", "since_id", "x"],
  ["start_time=2010-11-05T00:00:00Z", "start_time", "2010-11-05T00:00:00Z"],
  ["end_time=yesterday", "end_time", "yesterday"],
  ["exclude=quotes", "exclude", "quotes"],
  ["pagination_token=abc", "pagination_token", "abc"],
])("%s is an invalid request that names the parameter", async (query, parameter, value) => {
  const { send, user } = newX();
  const reply = await send("GET", `/2/users/${user.id}/tweets?${query}`);
  expect(reply).toMatchObject({ status: 400, body: { title: "Invalid Request", parameter, value } });
});

test("a token of one user's pages is not good for another's", async () => {
  const { x, send, timeline } = await withPosts(12);
  const { id } = x.createUser({ username: "bob" });
  const token = (await timeline("")).meta.next_token ?? "";
  expect((await send("GET", `/2/users/${id}/tweets?pagination_token=${token}`)).status).toBe(400);
});

test("mentions are the posts of anyone that name the user", async () => {
  const { x, post, send } = newX();
  const bob = x.createUser({ username: "Bob" });
  await post("hello @bob");
  await post("mail me at ada@bob.test");
  const page = (await send("GET", `/2/users/${bob.id}/mentions`)).body as Page;
  expect(page.data?.map(({ text }) => text)).toEqual(["hello @bob"]);
});

test("the home timeline is one's own only to ask for, takes a single result, and shows everyone", async () => {
  const { x, post, send, user } = newX();
  const bob = x.createUser({ username: "bob" });
  await post("hello");
  const home = (id: string) => send("GET", `/2/users/${id}/timelines/reverse_chronological?max_results=1`);
  expect((await home(user.id)).body).toMatchObject({ data: [{ text: "hello" }] });
  expect((await home(bob.id)).status).toBe(400);
});

test.each(["tweets", "mentions"])("an unknown user's %s are an error with HTTP 200", async (list) => {
  const { send } = newX();
  const reply = await send("GET", `/2/users/99/${list}`);
  expect(reply).toMatchObject({ status: 200, body: { errors: [{ resource_type: "user", value: "99" }] } });
});
