import { describe, expect, test } from "vitest";
import { readQueries } from "#core/x/read-query";

const takes = (name: keyof typeof readQueries, query: Record<string, string>) =>
  readQueries[name].safeParse(query).success;

describe("X's parameters are taken by X's names", () => {
  test.each([
    [
      "homeTimeline",
      { max_results: "1", exclude: "replies,retweets", pagination_token: "7140dibdnow9c7btw421" },
    ],
    ["userTweets", { "tweet.fields": "note_tweet,created_at", expansions: "referenced_tweets.id.author_id" }],
    ["userTweets", { start_time: "2026-11-23T12:00:00Z", end_time: "2026-11-23T12:00:00.5Z", since_id: "1" }],
    ["userMentions", { "post.fields": "note_post", "media.fields": "url", "poll.fields": "id" }],
    ["me", { "user.fields": "created_at", expansions: "pinned_post_id" }],
    ["tweet", { "place.fields": "country" }],
    ["tweets", { ids: "1,2,3" }],
  ] as const)("%s %j", (name, query) => {
    expect(takes(name, query)).toBe(true);
  });
});

describe("what X would refuse is refused", () => {
  test.each([
    ["homeTimeline", { max_results: "0" }],
    ["homeTimeline", { max_results: "101" }],
    ["userTweets", { max_results: "4" }],
    ["userMentions", { exclude: "replies" }],
    ["userTweets", { exclude: "replies,replies" }],
    ["userTweets", { pagination_token: "a b" }],
    ["userTweets", { until_id: "12345678901234567890" }],
    ["userTweets", { start_time: "2026-11-23T12:00:00+01:00" }],
    ["me", { "media.fields": "url" }],
    ["tweet", { "tweet.fields": "text,text" }],
    ["tweet", { "tweet.fields": "" }],
    ["tweet", { "tweet.fields": "text&user.fields" }],
    ["tweets", {}],
    ["tweets", { ids: "" }],
    ["tweets", { ids: Array.from({ length: 101 }, (_, i) => i).join(",") }],
  ] as const)("%s %j", (name, query) => {
    expect(takes(name, query)).toBe(false);
  });
});
