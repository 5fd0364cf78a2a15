import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSimulator, type Settings } from "../../../../simulator/simulator.ts";
import { findDoubtful, findOurs, isListed, lookFrom, type Sent } from "#core/jobs/kinds/tweet-match";
import { createXClient } from "#core/x/client";
import type { OwnTweet } from "#core/x/own-tweet";
import { snowflakeFloor } from "#core/x/snowflake";
import { ownTweets } from "#core/x/timelines";
import { tweetBody } from "#core/x/tweet-body";

const START = Date.UTC(2026, 10, 23);
const SECOND = 1000;

type X = Awaited<ReturnType<typeof newX>>;

/** X with Ada, who may write long texts, and Bob; each has posted, and Ada has photos and a video. */
async function newX(settings: Partial<Settings> = {}) {
  let time = START - 60 * SECOND;
  const simulator = createSimulator({ now: () => time });
  simulator.setSettings({ limits: "off", media_processing_ms: 0, ...settings });
  simulator.createApp({ client_id: "app", redirect_uris: [] });
  const connect = (username: string) => {
    const user_id = simulator.createUser({ username, premium: true }).id;
    const scopes = ["tweet.read", "tweet.write", "users.read", "media.write"];
    return { user_id, token: simulator.createGrant({ client_id: "app", user_id, scopes }).access_token };
  };
  const ada = connect("ada");
  const bob = connect("bob");
  const send = async (token: string, path: string, body: object) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const request = { method: "POST", headers, body: JSON.stringify(body) };
    const answer = await simulator.fetch(new Request(`https://x.test${path}`, request));
    const { data } = await answer.json<{ data?: { id: string } }>();
    if (!data) throw new Error(`X refused ${request.body} with ${answer.status}`);
    return data.id;
  };
  const upload = (media_category: string) =>
    send(ada.token, "/2/media/upload", { media: btoa(media_category), media_category });
  const photos = [];
  for (let n = 0; n < 5; n++) photos.push(await upload("tweet_image"));
  const video = await upload("tweet_video");
  const bobs = await send(bob.token, "/2/tweets", { text: "what do you think?" });
  const adas = await send(ada.token, "/2/tweets", { text: "the one before" });
  time = START;
  const x = createXClient({
    fetch: (request, init) => simulator.fetch(new Request(request, init)),
    baseUrl: "https://x.test",
    accessToken: ada.token,
    now: () => time,
  });
  return {
    things: { photos, video, bobs, adas },
    /** Post as Ada, and let a second pass. */
    async post(body: object) {
      const id = await send(ada.token, "/2/tweets", body);
      time += SECOND;
      return id;
    },
    look: async (from = START - 2 * SECOND) => (await ownTweets(x, { user_id: ada.user_id, from })).tweets,
    sent: (body: object, more: Partial<Sent> = {}): Sent => ({
      body: tweetBody.parse(body),
      began_at: START,
      newest_id: adas,
      taken: new Set<string>(),
      ...more,
    }),
  };
}

type Things = X["things"];

// Texts of everything that X changes or that a comparison may trip over.
const address = fc.constantFrom(
  "example.com",
  "https://example.com",
  "HTTP://Example.com/Path/",
  "https://www.example.org/a?b=c&d=e#f",
  "https://example.com/wiki/A_(b)",
  "https://日本語.jp/über",
  "https://t.co/abc123",
  "https://x.com/bob/status/123",
  "(see https://example.net/x.)",
  "見てhttps://example.jp/a",
);
const special = fc.constantFrom(
  ..."& &amp; &lt; &amp;lt; <b> a&b; @bob @ada #tag #été $TWTR e\u0301 ﬁ Å ﾊﾝ 한 ½ I'm \u201cso\u201d … -".split(
    " ",
  ),
  ..."😀 👨‍👩‍👧‍👦 👍🏽 🇺🇦 ☺️ ☺ 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿".split(" "),
  ..."שלום \u202eمرحبا\u202c \u200fא نمی\u200cخواهم q\u0323\u0307 \u00ad \u200b".split(" "),
);
const piece = fc.oneof(
  { weight: 3, arbitrary: special },
  { weight: 2, arbitrary: address },
  { weight: 3, arbitrary: fc.string({ unit: "grapheme", maxLength: 12 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 6 }).map((text) => text.toWellFormed()) },
);
const gap = fc.constantFrom(" ", " ", " ", "", "\n", "\r\n", "\n\n\n", "  ", "\t", "\u3000", "\u00a0");
const pieces = fc
  .array(fc.tuple(piece, gap), { minLength: 1, maxLength: 30 })
  .map((all) => all.map((one) => one.join("")).join(""));
// 25,000 is a weight, and the heaviest character has two.
const longest = fc.tuple(pieces, fc.integer({ min: 1, max: 12_000 })).map(([text, length]) => {
  const one = Array.from(`${text}a`);
  return Array.from({ length }, (_, index) => one[index % one.length]).join("");
});
const text = fc
  .oneof({ weight: 6, arbitrary: pieces }, { weight: 1, arbitrary: longest })
  .map((any) => (/[\p{L}\p{N}]/u.test(any) ? any : `${any}a`));

const settings = fc.record({
  escape_text: fc.boolean(),
  tidy_text: fc.boolean(),
  reply_mentions: fc.boolean(),
});

/** What is attached and answered, named by place: the ids are X's. */
const shape = fc.record({
  thing: fc.constantFrom("none", "none", "photo", "photos", "video", "poll", "quote", "own quote", "link"),
  reply: fc.constantFrom(null, null, "bobs" as const, "adas" as const),
});
type Shape = typeof shape extends fc.Arbitrary<infer Value> ? Value : never;

function bodyOf(text: string, { thing, reply }: Shape, { photos, video, bobs, adas }: Things): object {
  const attached: Record<string, object> = {
    photo: { media: { media_ids: photos.slice(0, 1) } },
    photos: { media: { media_ids: photos.slice(0, 4) } },
    video: { media: { media_ids: [video] } },
    poll: { poll: { options: ["yes & no", "<é>"], duration_minutes: 5 } },
    quote: { quote_tweet_id: bobs },
    "own quote": { quote_tweet_id: adas },
    link: { direct_message_deep_link: "https://x.com/messages/compose?recipient_id=1" },
  };
  const target = { bobs, adas }[reply ?? "bobs"];
  return { text, ...attached[thing], ...(reply && { reply: { in_reply_to_tweet_id: target } }) };
}

describe("its own tweet is found", () => {
  test("whatever it says, carries and answers, as X shows it", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(text, shape, settings, async (text, shape, settings) => {
        const x = await newX(settings);
        await x.post({ text: "somebody else's before it" });
        const body = bodyOf(text, shape, x.things);
        const id = await x.post(body);
        await x.post({ text: "somebody else's behind it" });
        expect(findOurs(x.sent(body), await x.look())?.id).toBe(id);
      }),
      { numRuns: 400 },
    );
  });

  test("with nothing but what it carries", async () => {
    const x = await newX();
    for (const thing of ["photo", "photos", "video", "poll", "quote"] as const) {
      const body = bodyOf("", { thing, reply: null }, x.things);
      const id = await x.post(body);
      expect(findOurs(x.sent(body), await x.look())?.id).toBe(id);
    }
  });
});

describe("another's tweet is never claimed", () => {
  const lastLetter = /[\p{L}\p{N}](?=[^\p{L}\p{N}]*$)/u;
  const changes: Record<string, (text: string) => string> = {
    "more at its end": (text) => `${text} no`,
    "more at its beginning": (text) => `no ${text}`,
    "another letter": (text) => text.replace(lastLetter, (letter) => (letter === "z" ? "y" : "z")),
  };

  test.each(Object.keys(changes))("with %s", { timeout: 60_000 }, async (name) => {
    const change = changes[name] ?? String;
    await fc.assert(
      fc.asyncProperty(text, shape, settings, async (text, shape, settings) => {
        // X itself puts names before a reply, so another name there is no other text.
        fc.pre(name !== "another letter" || shape.reply === null);
        const x = await newX(settings);
        await x.post(bodyOf(change(text), shape, x.things));
        expect(findOurs(x.sent(bodyOf(text, shape, x.things)), await x.look())).toBeNull();
      }),
    );
  });

  test("with any other text", { timeout: 60_000 }, async () => {
    // Names and links are compared generously: what is left of the two must differ.
    const left = (text: string) =>
      text
        .replace(/\S*[.@]\S*/g, "")
        .replace(/[^\p{L}\p{N}]/gu, "")
        .normalize("NFD");
    await fc.assert(
      fc.asyncProperty(text, text, shape, settings, async (text, other, shape, settings) => {
        fc.pre(left(text) !== left(other));
        const x = await newX(settings);
        await x.post(bodyOf(other, shape, x.things));
        expect(findOurs(x.sent(bodyOf(text, shape, x.things)), await x.look())).toBeNull();
      }),
    );
  });

  test("that answers or carries something else", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(text, shape, shape, settings, async (text, one, other, settings) => {
        // A timeline does not tell a deep link.
        const told = (shape: Shape) => JSON.stringify(shape).replace('"link"', '"none"');
        fc.pre(told(one) !== told(other));
        const x = await newX(settings);
        await x.post(bodyOf(text, other, x.things));
        expect(findOurs(x.sent(bodyOf(text, one, x.things)), await x.look())).toBeNull();
      }),
    );
  });

  test("that is older, known or another job's, though it says the same", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(text, shape, settings, async (text, shape, settings) => {
        const x = await newX(settings);
        const body = bodyOf(text, shape, x.things);
        const id = await x.post(body);
        const tweets = await x.look();
        const others: Partial<Sent>[] = [
          { began_at: START + 2 * SECOND + 1 },
          { newest_id: id },
          { newest_id: String(BigInt(id) + 1n) },
          { taken: new Set([id]) },
        ];
        for (const more of others) {
          expect(findOurs(x.sent(body, more), tweets)).toBeNull();
          expect(findDoubtful(x.sent(body, more), tweets)).toEqual([]);
        }
        expect(findOurs(x.sent(body, { began_at: START + 2 * SECOND, newest_id: null }), tweets)?.id).toBe(
          id,
        );
      }),
    );
  });
});

describe("where a tweet stands", () => {
  /** The id of a tweet made so many seconds after the attempt began. */
  const at = (seconds: number) => snowflakeFloor(START + seconds * SECOND);
  const hello = (id: string, more: Partial<OwnTweet> = {}): OwnTweet => ({
    id,
    text: "hello",
    noted: false,
    links: [],
    media_keys: [],
    poll: null,
    replied_to: null,
    quoted: null,
    retweeted: false,
    edits: [],
    ...more,
  });
  const sent = (body: object = {}, more: Partial<Sent> = {}): Sent => ({
    body: tweetBody.parse({ text: "hello", ...body }),
    began_at: START,
    newest_id: null,
    taken: new Set(),
    ...more,
  });
  const ours = (sent: Sent, ...tweets: OwnTweet[]) => findOurs(sent, tweets)?.id ?? null;
  const doubtful = (sent: Sent, ...tweets: OwnTweet[]) => findDoubtful(sent, tweets).map(({ id }) => id);

  test("of several the oldest is ours, and of two jobs with one text each has its own", () => {
    const tweets = [hello(at(9)), hello(at(5)), hello(at(7))];
    expect(ours(sent(), ...tweets)).toBe(at(5));
    expect(ours(sent({}, { taken: new Set([at(5)]) }), ...tweets)).toBe(at(7));
  });

  test("clocks may differ by two seconds", () => {
    expect(ours(sent(), hello(at(-2)))).toBe(at(-2));
    expect(ours(sent(), hello(at(-2.001)))).toBeNull();
  });

  test("a repost is nobody's text", () => {
    expect(ours(sent(), hello(at(1), { retweeted: true }))).toBeNull();
  });

  describe("edited since", () => {
    test("ours is found, and in doubt when it says something else now", () => {
      const edits = [at(1), at(8)];
      expect(ours(sent(), hello(at(8), { edits }))).toBe(at(8));
      expect(ours(sent(), hello(at(8), { edits, text: "bye" }))).toBeNull();
      expect(doubtful(sent(), hello(at(8), { edits, text: "bye" }))).toEqual([at(8)]);
    });

    test("an older one, or another job's, stays another's", () => {
      const old = hello(at(8), { edits: [at(-60), at(8)] });
      expect([ours(sent(), old), ...doubtful(sent(), old)]).toEqual([null]);
      const known = sent({}, { taken: new Set([at(1)]) });
      expect(ours(known, hello(at(8), { edits: [at(1), at(8)] }))).toBeNull();
    });
  });

  describe("an edit that was sent", () => {
    const edit = sent(
      { edit_options: { previous_post_id: at(-600) } },
      { newest_id: at(-60), taken: new Set([at(-600)]) },
    );

    test("is known by what it edits", () => {
      expect(ours(edit, hello(at(1), { edits: [at(-600), at(1)] }))).toBe(at(1));
      expect(ours(edit, hello(at(1), { edits: [at(-500), at(1)] }))).toBeNull();
      expect(ours(edit, hello(at(1), { edits: [at(-600), at(1)], text: "bye" }))).toBeNull();
    });

    test("is in doubt without its history", () => {
      expect(ours(edit, hello(at(1)))).toBeNull();
      expect(doubtful(edit, hello(at(1)))).toEqual([at(1)]);
    });

    test("is looked for from what it edits on, for there it may stand", () => {
      expect(lookFrom(edit)).toBe(START - 600 * SECOND);
      expect(lookFrom(sent())).toBe(START - 2 * SECOND);
    });
  });

  describe("what X does not tell", () => {
    test.each<[string, object, Partial<OwnTweet>, string]>([
      [
        "as many media under other keys, with the text",
        { media: { media_ids: ["5"] } },
        { media_keys: ["a5"] },
        "ours",
      ],
      [
        "as many media under other keys, without",
        { text: "", media: { media_ids: ["5"] } },
        { text: "", media_keys: ["a"] },
        "doubt",
      ],
      ["more media under other keys", { media: { media_ids: ["5"] } }, { media_keys: ["a", "b"] }, "no"],
      [
        "the very media with another text",
        { media: { media_ids: ["5"] } },
        { media_keys: ["3_5"], text: "bye" },
        "doubt",
      ],
      [
        "media in another order",
        { media: { media_ids: ["5", "6"] } },
        { media_keys: ["3_6", "3_5"] },
        "ours",
      ],
      [
        "a poll without its options",
        { poll: { options: ["a", "b"], duration_minutes: 5 } },
        { poll: [] },
        "doubt",
      ],
      [
        "a poll with others",
        { poll: { options: ["a", "b"], duration_minutes: 5 } },
        { poll: ["a", "c"] },
        "no",
      ],
      [
        "a poll with more",
        { poll: { options: ["a", "b"], duration_minutes: 5 } },
        { poll: ["a", "b", "c"] },
        "no",
      ],
      ["nothing but a card", { text: "", card_uri: "card://5" }, { text: "" }, "doubt"],
      [
        "a quote for a link in the text",
        { text: "x.com/a/status/5" },
        { text: "x.com/a/status/5", quoted: "5" },
        "ours",
      ],
      ["a quote for no link", {}, { quoted: "5" }, "no"],
      [
        "a video for a link in the text",
        { text: "x.com/a/status/5/video/1" },
        { text: "x.com/a/status/5/video/1", media_keys: ["7_4"] },
        "ours",
      ],
      ["a photo for no link", {}, { media_keys: ["3_5"] }, "no"],
      ["a link that leads elsewhere", { text: "hello a.com" }, { text: "hello https://t.co/a" }, "doubt"],
    ])("%s", (_, body, more, verdict) => {
      const [job, tweet] = [sent(body), hello(at(1), more)];
      expect(ours(job, tweet)).toBe(verdict === "ours" ? tweet.id : null);
      expect(doubtful(job, tweet)).toEqual(verdict === "doubt" ? [tweet.id] : []);
    });
  });
});

test.each<[object, boolean]>([
  [{}, true],
  [{ nullcast: false, for_super_followers_only: false }, true],
  [{ nullcast: true }, false],
  [{ community_id: "5" }, false],
  [{ for_super_followers_only: true }, false],
])("a tweet with %j shows on the timeline for sure: %s", (more, listed) => {
  expect(isListed(tweetBody.parse({ text: "hello", ...more }))).toBe(listed);
});
