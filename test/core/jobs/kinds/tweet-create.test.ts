import { describe, expect, test } from "vitest";
import { tweetCreate } from "#core/jobs/kinds/tweet-create";
import { createHarness } from "../../../support/harness.ts";

const account_id = "acc_01KAB3C4D5V1StGXR8Z5jd0";

/** What is wrong with a tweet: where, and the code. */
const mistakes = (fields: object): string[] =>
  (tweetCreate.params.safeParse({ account_id, ...fields }).error?.issues ?? []).map((issue) => {
    const code = issue.code === "custom" ? (issue.params as { code?: string } | undefined)?.code : issue.code;
    return `${issue.path.join("/")} ${code ?? issue.message}`;
  });

describe("a tweet that X would not take is refused", () => {
  test.each([
    ["nothing to say", {}, ["text required"]],
    ["only blanks", { text: " \n " }, ["text required"]],
    ["too long even for Premium", { text: "x".repeat(25_001) }, ["text too_long"]],
    ["characters that X refuses", { text: "a\uFFFEb" }, ["text invalid_characters"]],
    ["two attachments", { media: ["1"], quote: "2" }, ["quote exclusive", "media exclusive"]],
    ["five media", { text: "a", media: ["1", "2", "3", "4", "5"] }, ["media too_big"]],
    ["no media in the list", { text: "a", media: [] }, ["media too_small"]],
    [
      "media options without media",
      { text: "a", media_options: { title: "t" } },
      ["media_options dependent"],
    ],
    [
      "left-out users without a reply",
      { text: "a", exclude_reply_user_ids: ["1"] },
      ["exclude_reply_user_ids dependent"],
    ],
    ["an account that is none", { account_id: "acc_1", text: "a" }, ["account_id Not an account id (acc_…)"]],
    ["a reply to no id", { text: "a", reply_to: "https://x.com/1" }, ["reply_to invalid_format"]],
    [
      "a poll of one choice",
      { text: "a", poll: { options: ["a"], duration_minutes: 5 } },
      ["poll/options too_small"],
    ],
    ["an unknown audience", { text: "a", reply_settings: "friends" }, ["reply_settings invalid_value"]],
    ["an unknown field", { text: "a", colour: "red" }, [" unrecognized_keys"]],
    ["an unknown field inside", { text: "a", geo: { place_id: "1", lat: 1 } }, ["geo unrecognized_keys"]],
    ["a text that is none", { text: 7 }, ["text invalid_type"]],
  ])("%s", (_, fields, expected) => {
    expect(mistakes(fields)).toEqual(expected);
  });

  test("with every mistake at once: exclusive fields, an overlong text, a wrong id and an unknown field", () => {
    const all = mistakes({
      text: "x".repeat(25_001),
      poll: { options: ["a", "b"], duration_minutes: 5 },
      quote: "2",
      reply_to: "nobody",
      exclude_reply_user_ids: ["1"],
      media_options: {},
      colour: "red",
    });
    expect(all.sort()).toEqual(
      [
        " unrecognized_keys",
        "reply_to invalid_format",
        "text too_long",
        "poll exclusive",
        "quote exclusive",
        "media_options dependent",
      ].sort(),
    );
  });

  test.each([null, "text", 7, [], undefined])("something that is no object (%j)", (value) => {
    expect(tweetCreate.params.safeParse(value).success).toBe(false);
  });
});

describe("a tweet that X may take is taken", () => {
  test.each([
    ["25,000 characters", { text: "x".repeat(25_000) }],
    ["media alone", { media: ["1", "2", "3", "4"] }],
    ["a quote alone", { quote: "1" }],
    ["a poll with a text", { text: "?", poll: { options: ["a", "b"], duration_minutes: 5 } }],
    ["a community and an audience", { text: "a", community_id: "1", reply_settings: "following" }],
  ])("%s", (_, fields) => {
    expect(mistakes(fields)).toEqual([]);
  });
});

describe("Premium", () => {
  test.each([
    [280, []],
    [281, ["needs_premium"]],
    [25_000, ["needs_premium"]],
  ])("a text of %i characters warns of %j", (length, codes) => {
    const warnings = tweetCreate.warnings?.({ account_id, text: "x".repeat(length) }) ?? [];
    expect(warnings.map(({ code }) => code)).toEqual(codes);
  });

  test("characters count as X counts them: a Chinese one is two, a link 23", () => {
    const codes = (text: string) => tweetCreate.warnings?.({ account_id, text }).map(({ code }) => code);
    expect(codes("中".repeat(140))).toEqual([]);
    expect(codes("中".repeat(141))).toEqual(["needs_premium"]);
    expect(codes(`https://example.com/${"x".repeat(400)}`)).toEqual(["contains_url"]);
    expect(tweetCreate.warnings?.({ account_id })).toEqual([]);
  });
});

describe("each field goes to X under X's name", () => {
  const same = {
    reply_settings: "mentionedUsers",
    edit_options: { previous_post_id: "5" },
    geo: { place_id: "df51dec6f4ee2b2c" },
    community_id: "6",
    for_super_followers_only: true,
    share_with_followers: true,
    nullcast: true,
    made_with_ai: true,
    paid_partnership: false,
  };

  test.each([
    ["a text", { text: "hello" }, { text: "hello" }],
    ["no text", { media: ["1"] }, { text: "", media: { media_ids: ["1"] } }],
    [
      "media with options",
      {
        text: "a",
        media: ["1", "2"],
        media_options: { tagged_user_ids: ["3"], title: "t", embeddable: false },
      },
      { text: "a", media: { media_ids: ["1", "2"], tagged_user_ids: ["3"], title: "t", embeddable: false } },
    ],
    ["a reply", { text: "a", reply_to: "7" }, { text: "a", reply: { in_reply_to_tweet_id: "7" } }],
    [
      "a reply that leaves users out",
      { text: "a", reply_to: "7", exclude_reply_user_ids: ["8"] },
      { text: "a", reply: { in_reply_to_tweet_id: "7", exclude_reply_user_ids: ["8"] } },
    ],
    ["a quote", { text: "a", quote: "9" }, { text: "a", quote_tweet_id: "9" }],
    [
      "a poll",
      { text: "a", poll: { options: ["x", "y"], duration_minutes: 60 } },
      { text: "a", poll: { options: ["x", "y"], duration_minutes: 60 } },
    ],
    ["a card", { card_uri: "card://1" }, { text: "", card_uri: "card://1" }],
    [
      "a deep link",
      { direct_message_deep_link: "https://x.com/1" },
      { text: "", direct_message_deep_link: "https://x.com/1" },
    ],
    ["what is named the same", { text: "a", ...same }, { text: "a", ...same }],
  ])("%s", async (_, fields, body) => {
    const h = await createHarness();
    const account = await h.account();
    const id = await h.post(account, "", { params: { account_id: account, ...fields } });
    await h.turn();
    expect(h.calls).toMatchObject([{ method: "POST", path: "/2/tweets" }]);
    expect(h.calls[0]?.body).toEqual(body);
    expect(await h.job(id)).toMatchObject({ state: "succeeded" });
  });
});

test("the result names the tweet and its address", async () => {
  const h = await createHarness();
  h.answer(() => Response.json({ data: { id: "42", text: "hello" } }, { status: 201 }));
  const id = await h.post(await h.account(), "hello");
  await h.turn();
  expect(JSON.parse((await h.job(id)).result ?? "")).toEqual({
    tweet_id: "42",
    url: "https://x.com/i/web/status/42",
  });
});
