import { describe, expect, test } from "vitest";
import { ownTweet, readPage } from "#core/x/own-tweet";

const post = { id: "20", text: "hello", author_id: "7" };
const page = (more: object = {}, data: object[] = [post]) => ({
  ...(data.length > 0 && { data }),
  meta: { result_count: data.length },
  ...more,
});
const read = (more: object, includes: object = {}) => {
  const found = readPage(page({ includes }, [{ ...post, ...more }]), "7");
  return found?.posts[0] && ownTweet(found.posts[0], found.polls);
};

describe("a page", () => {
  test("is its posts, its polls and the way to the next", () => {
    const polls = [{ id: "1", options: [] }];
    const meta = { result_count: 1, next_token: "n" };
    expect(readPage(page({ meta, includes: { polls, users: [{}] } }), "7")).toEqual({
      posts: [post],
      polls,
      next_token: "n",
    });
  });

  test("without posts is whole, too", () => {
    const whole = { posts: [], polls: [], next_token: undefined };
    expect(readPage(page({}, []), "7")).toEqual(whole);
    expect(readPage(page({ data: null, includes: null, errors: [] }, []), "7")).toEqual(whole);
  });

  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["text", "Bad Gateway"],
    ["an empty object", {}],
    ["no meta", { data: [post] }],
    ["errors instead of the data", { errors: [{ title: "Not Found Error" }], meta: { result_count: 0 } }],
    ["errors beside the data", page({ errors: [{ title: "Field Hydration Failure" }] })],
    ["fewer posts than it says", page({ meta: { result_count: 2 } })],
    ["posts of an account that was not asked for", page({}, [{ ...post, author_id: "8" }])],
    ["posts whose author was asked for in vain", page({}, [{ id: "20", text: "hello" }])],
    ["a post without a text", page({}, [{ id: "20", author_id: "7" }])],
    ["a post without an id", page({}, [{ text: "hello", author_id: "7" }])],
    ["media that cannot be read", page({}, [{ ...post, attachments: { media_keys: "3_1" } }])],
    ["links that cannot be read", page({}, [{ ...post, entities: { urls: [{ url: 5 }] } }])],
  ])("with %s says nothing", (_, json) => {
    expect(readPage(json, "7")).toBeUndefined();
  });
});

describe("a tweet", () => {
  test("without anything is id and text", () => {
    expect(read({ entities: null, attachments: null, note_tweet: null, unheard_of: 1 })).toEqual({
      id: "20",
      text: "hello",
      noted: false,
      links: [],
      media_keys: [],
      poll: null,
      replied_to: null,
      quoted: null,
      retweeted: false,
      edits: [],
    });
  });

  test.each([
    ["legacy", "note_tweet", "referenced_tweets", "edit_history_tweet_ids"],
    ["new", "note_post", "referenced_posts", "edit_history_post_ids"],
  ])("is the same in the %s vocabulary", (_, note, references, edits) => {
    const url = {
      url: "https://t.co/a",
      expanded_url: "https://a.test",
      display_url: "a.test",
      start: 0,
      end: 9,
    };
    const media = { url: "https://t.co/m", expanded_url: null, media_key: "3_5" };
    expect(
      read({
        entities: { urls: [media] },
        attachments: { media_keys: ["3_5"] },
        [note]: { text: "hello and more", entities: { urls: [url, { start: 1, end: 2 }] } },
        [references]: [
          { type: "replied_to", id: "11" },
          { type: "quoted", id: "12" },
        ],
        [edits]: ["19", "20"],
      }),
    ).toMatchObject({
      text: "hello and more",
      noted: true,
      links: [
        { url: "https://t.co/a", meanings: ["https://a.test", "a.test"], media: false },
        { url: "https://t.co/m", meanings: [], media: true },
      ],
      media_keys: ["3_5"],
      replied_to: "11",
      quoted: "12",
      retweeted: false,
      edits: ["19", "20"],
    });
  });

  test("that repeats another's is known as such", () => {
    expect(read({ referenced_tweets: [{ type: "retweeted", id: "11" }] })).toMatchObject({ retweeted: true });
  });

  test("has no version without an id", () => {
    expect(read({ edit_history_tweet_ids: [""] })).toMatchObject({ edits: [] });
  });

  test("has the options of its poll in their order, or none that X did not tell", () => {
    const attachments = { poll_ids: ["1"] };
    const options = [
      { position: 2, label: "no" },
      { position: 1, label: "yes" },
    ];
    expect(read({ attachments }, { polls: [{ id: "2" }, { id: "1", options }] })).toMatchObject({
      poll: ["yes", "no"],
    });
    expect(read({ attachments })).toMatchObject({ poll: [] });
  });
});
