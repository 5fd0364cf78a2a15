import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { file } from "../../../support/files.ts";
import { refused } from "../../../support/harness.ts";
import { hexOf, meetMedia } from "../../../support/sending.ts";

const MINUTE_MS = 60_000;
const picture = file("image/png", 3_000);

type Met = Awaited<ReturnType<typeof meetMedia>>;

const tweet = (
  met: Met,
  text: string,
  media: string[],
  more: { run_at?: number; account_id?: string } = {},
) => {
  const { account_id = met.account_id, run_at = null } = more;
  const params = { account_id, text, ...(media.length > 0 && { media }) };
  return met.h.post(account_id, text, { params, run_at });
};
const posted = (met: Met, user_id = met.user_id) =>
  met.x.tweets(user_id).map(({ text, request }) => ({ text, media: request.media?.media_ids ?? [] }));
const initialized = ({ asked }: Met) => asked().filter((call) => call.endsWith("initialize")).length;

describe("a tweet with a medium of ours", () => {
  test("is posted with what X calls it", async () => {
    const met = await meetMedia();
    const media_id = await met.medium(picture);
    await met.upload(media_id);
    await met.h.turn();
    const id = await tweet(met, "look", [media_id]);
    await met.h.turn();
    expect((await met.h.job(id)).state).toBe("succeeded");
    expect(posted(met)).toEqual([{ text: "look", media: [met.x.media()[0]?.id] }]);
  });

  test("asks for it to be sent if nobody did, and lets others go before it meanwhile", async () => {
    const met = await meetMedia();
    met.x.setSettings({ media_processing_ms: 40_000 });
    const media_id = await met.medium(file("image/gif"), {
      media_type: "image/gif",
      media_category: "tweet_gif",
    });
    const id = await tweet(met, "with a medium", [media_id]);
    await tweet(met, "without", []);
    await met.h.turn();
    expect(await met.h.job(id)).toMatchObject({
      state: "waiting",
      attempts: 0,
      awaits: media_id,
      maybe_sent: 0,
    });
    await met.h.pass(2 * MINUTE_MS);
    expect(posted(met).map(({ text }) => text)).toEqual(["without", "with a medium"]);
    expect(await met.h.job(id)).toMatchObject({ state: "succeeded", awaits: null, attempts: 1 });
  });

  test("goes out as soon as the sending has ended, in one commit with it", async () => {
    const met = await meetMedia();
    const media_id = await met.medium(picture);
    const ids = [await tweet(met, "one", [media_id]), await tweet(met, "two", [media_id])];
    await met.h.turn();
    const before = met.h.now();
    while (met.h.messages.some(({ at }) => at <= before)) await met.h.turn();
    for (const id of ids) expect((await met.h.job(id)).state).toBe("succeeded");
    expect(met.h.now()).toBe(before);
    expect(initialized(met)).toBe(1);
  });

  test("fails with X's words if X does not take it", async () => {
    const met = await meetMedia();
    const media_id = await met.medium(picture);
    met.h.answer((call, request) =>
      call.path.includes("media") ? refused(403, "No pictures of cats.") : met.x.fetch(request),
    );
    const id = await tweet(met, "a cat", [media_id]);
    await met.h.pass(MINUTE_MS);
    const { state, error } = await met.h.job(id);
    expect(state).toBe("failed");
    expect(JSON.parse(error ?? "")).toMatchObject({
      code: "media_failed",
      upstream: { detail: "No pictures of cats." },
    });
    expect(posted(met)).toEqual([]);
  });

  test("fails if there is no such medium, or its bytes are gone", async () => {
    const met = await meetMedia();
    const gone = await met.medium(picture);
    await env.DB.prepare("UPDATE uploads SET cleared_at = 1").run();
    for (const media of [gone, "med_01KAB3C4D5V1StGXR8Z5jd0"]) {
      const id = await tweet(met, `with ${media}`, [media]);
      await met.h.turn();
      expect(JSON.parse((await met.h.job(id)).error ?? "")).toMatchObject({ code: "media_gone" });
    }
  });
});

describe("X that calls its media invalid", () => {
  const INVALID = "Your media IDs are invalid.";

  test("is sent them once more", async () => {
    const met = await meetMedia();
    const media_id = await met.medium(picture);
    await met.upload(media_id);
    await met.h.turn();
    let times = 0;
    met.h.answer((call, request) =>
      call.path === "/2/tweets" && times++ === 0 ? refused(400, INVALID) : met.x.fetch(request),
    );
    const id = await tweet(met, "again", [media_id]);
    await met.h.pass(MINUTE_MS);
    expect((await met.h.job(id)).state).toBe("succeeded");
    expect(initialized(met)).toBe(2);
    expect(posted(met)).toEqual([{ text: "again", media: [met.x.media()[1]?.id] }]);
  });

  test("twice has said no, and its word is final", async () => {
    const met = await meetMedia();
    const media_id = await met.medium(picture);
    met.h.answer((call, request) =>
      call.path === "/2/tweets" ? refused(400, INVALID) : met.x.fetch(request),
    );
    const id = await tweet(met, "no", [media_id]);
    await met.h.pass(5 * MINUTE_MS);
    const { state, error } = await met.h.job(id);
    expect(state).toBe("failed");
    expect(JSON.parse(error ?? "")).toMatchObject({ upstream: { detail: INVALID } });
    expect(initialized(met)).toBe(2);
  });

  test("of ids that are its own is not argued with", async () => {
    const met = await meetMedia();
    const id = await tweet(met, "theirs", ["12"]);
    await met.h.turn();
    expect((await met.h.job(id)).state).toBe("failed");
    expect(initialized(met)).toBe(0);
  });
});

describe("a medium for a tweet that is due later", () => {
  const at = (met: Met, minutes: number) => ({ run_at: met.h.now() + minutes * MINUTE_MS });

  test("is sent half an hour ahead, and is there when the tweet is due", async () => {
    const met = await meetMedia();
    const media_id = await met.medium(picture, { send: "later" });
    const id = await tweet(met, "in an hour", [media_id], at(met, 60));
    await met.h.pass(29 * MINUTE_MS);
    expect(initialized(met)).toBe(0);
    await met.h.pass(3 * MINUTE_MS);
    expect(initialized(met)).toBe(1);
    await met.h.pass(29 * MINUTE_MS);
    expect((await met.h.job(id)).state).toBe("succeeded");
    expect(initialized(met)).toBe(1);
  });

  test("is sent again if X has forgotten it", async () => {
    const met = await meetMedia();
    const media_id = await met.medium(picture);
    const ids = [
      await tweet(met, "soon", [media_id], at(met, 35)),
      await tweet(met, "later", [media_id], at(met, 45)),
    ];
    await met.h.pass(40 * MINUTE_MS);
    await env.DB.prepare("UPDATE media_bindings SET x_expires_at = ?").bind(met.h.now()).run();
    await met.h.pass(10 * MINUTE_MS);
    for (const id of ids) expect((await met.h.job(id)).state).toBe("succeeded");
    expect(initialized(met)).toBe(2);
  });

  test("is sent once for tweets that come close together", async () => {
    const met = await meetMedia();
    const media_id = await met.medium(picture);
    for (const minutes of [35, 40, 45]) await tweet(met, `at ${minutes}`, [media_id], at(met, minutes));
    await met.h.pass(50 * MINUTE_MS);
    expect(posted(met)).toHaveLength(3);
    expect(initialized(met)).toBe(1);
  });
});

test("of several accounts each sends it once", async () => {
  const met = await meetMedia();
  const media_id = await met.medium(picture);
  const other = await met.account();
  await tweet(met, "mine", [media_id]);
  for (const text of ["theirs", "theirs too"]) await tweet(met, text, [media_id], { account_id: other.id });
  await met.h.pass(2 * MINUTE_MS);
  expect(posted(met)).toHaveLength(1);
  expect(posted(met, other.user_id)).toHaveLength(2);
  expect(initialized(met)).toBe(2);
  expect(new Set(met.arrived())).toEqual(new Set([await hexOf(picture)]));
});
