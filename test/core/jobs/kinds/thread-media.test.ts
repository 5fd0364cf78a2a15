import { expect, test } from "vitest";
import { threadCreate } from "#core/jobs/kinds/thread-create";
import { file } from "../../../support/files.ts";
import { refused } from "../../../support/harness.ts";
import { meetMedia } from "../../../support/sending.ts";

const MINUTE_MS = 60_000;
const INVALID = "Your media IDs are invalid.";
const picture = file("image/png", 3_000);

type Met = Awaited<ReturnType<typeof meetMedia>>;

/** Post a thread of tweets, each with its media. */
const thread = (
  met: Met,
  tweets: Record<string, string[]>,
  more: { run_at?: number; on_partial?: string } = {},
) => {
  const { run_at = null, on_partial = "resume" } = more;
  const said = Object.entries(tweets).map(([text, media]) => ({ text, ...(media.length > 0 && { media }) }));
  const params = { account_id: met.account_id, tweets: said, on_partial };
  return met.h.post(met.account_id, "", { kind: threadCreate, params, run_at });
};
const posted = (met: Met) =>
  met.x.tweets(met.user_id).map(({ text, request }) => ({
    text,
    media: request.media?.media_ids ?? [],
    reply_to: request.reply?.in_reply_to_tweet_id,
  }));
const initialized = ({ asked }: Met) => asked().filter((call) => call.endsWith("initialize")).length;

test("a thread begins when X has the media of all its tweets, and others go before it meanwhile", async () => {
  const met = await meetMedia();
  const [one, other] = [await met.medium(picture), await met.medium(file("image/png", 4_000))];
  const id = await thread(met, { first: [], second: [one], third: [other, one] });
  await met.h.post(met.account_id, "alone");
  await met.h.turn();
  expect(await met.h.job(id)).toMatchObject({ state: "waiting", attempts: 0, awaits: one, maybe_sent: 0 });
  await met.h.pass(10 * MINUTE_MS);
  expect((await met.h.job(id)).state).toBe("succeeded");
  expect(posted(met).map(({ text }) => text)).toEqual(["alone", "first", "second", "third"]);
  const xIds = Object.fromEntries(met.x.media().map(({ id, total_bytes }) => [total_bytes, id]));
  expect(posted(met).map(({ media }) => media)).toEqual([[], [], [xIds[3_000]], [xIds[4_000], xIds[3_000]]]);
  expect(initialized(met)).toBe(2);
});

test("a medium that X does not take ends the thread before any of it stands there", async () => {
  const met = await meetMedia();
  const media_id = await met.medium(picture);
  met.h.answer((call, request) =>
    call.path.includes("media") ? refused(403, "No pictures of cats.") : met.x.fetch(request),
  );
  const id = await thread(met, { first: [], second: [media_id] });
  await met.h.pass(MINUTE_MS);
  const { state, error } = await met.h.job(id);
  expect(state).toBe("failed");
  expect(JSON.parse(error ?? "")).toMatchObject({ code: "media_failed" });
  expect(posted(met)).toEqual([]);
});

test("media that X calls invalid in the middle are sent once more, and the thread goes on from there", async () => {
  const met = await meetMedia();
  const [one, other] = [await met.medium(picture), await met.medium(file("image/png", 4_000))];
  const seen = new Set<string>();
  met.h.answer((call, request) => {
    const { text = "" } = (call.body ?? {}) as { text?: string };
    if (call.path !== "/2/tweets" || text === "first" || seen.has(text)) return met.x.fetch(request);
    seen.add(text);
    return refused(400, INVALID);
  });
  const id = await thread(met, { first: [], second: [one], third: [other] });
  await met.h.pass(10 * MINUTE_MS);
  expect((await met.h.job(id)).state).toBe("succeeded");
  const made = met.x.tweets(met.user_id);
  expect(made.map(({ text }) => text)).toEqual(["first", "second", "third"]);
  expect(posted(met).map(({ reply_to }) => reply_to)).toEqual([undefined, made[0]?.id, made[1]?.id]);
  expect(initialized(met)).toBe(4);
});

test("of a tweet whose media X calls invalid twice its word is final, and what was posted is taken back if so asked", async () => {
  const met = await meetMedia();
  const media_id = await met.medium(picture);
  met.h.answer((call, request) =>
    (call.body as { text?: string } | null)?.text === "second" ? refused(400, INVALID) : met.x.fetch(request),
  );
  const id = await thread(met, { first: [], second: [media_id] }, { on_partial: "delete" });
  await met.h.pass(10 * MINUTE_MS);
  const { state, error } = await met.h.job(id);
  expect(state).toBe("failed");
  expect(JSON.parse(error ?? "")).toMatchObject({ upstream: { detail: INVALID } });
  expect(met.x.tweets(met.user_id).map(({ deleted }) => deleted)).toEqual([true]);
  expect(initialized(met)).toBe(2);
});

test("an unclear tweet with media is found among the account's own, and the thread goes on", async () => {
  const met = await meetMedia();
  const media_id = await met.medium(picture);
  await met.upload(media_id);
  await met.h.turn();
  met.x.setFaults([
    {
      match: { method: "POST", path: "^/2/tweets$", text: "second" },
      times: 1,
      fault: { kind: "error", status: 503, when: "after" },
    },
  ]);
  const id = await thread(met, { first: [], second: [media_id], third: [] });
  await met.h.pass(10 * MINUTE_MS);
  expect((await met.h.job(id)).state).toBe("succeeded");
  expect(posted(met).map(({ text }) => text)).toEqual(["first", "second", "third"]);
});

test("media of a thread that is due later are sent half an hour ahead", async () => {
  const met = await meetMedia();
  const media_id = await met.medium(picture, { send: "later" });
  const id = await thread(met, { first: [], second: [media_id] }, { run_at: met.h.now() + 60 * MINUTE_MS });
  await met.h.pass(29 * MINUTE_MS);
  expect(initialized(met)).toBe(0);
  await met.h.pass(3 * MINUTE_MS);
  expect(initialized(met)).toBe(1);
  await met.h.pass(30 * MINUTE_MS);
  expect((await met.h.job(id)).state).toBe("succeeded");
  expect(initialized(met)).toBe(1);
});
