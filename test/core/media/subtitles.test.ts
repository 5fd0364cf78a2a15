import { describe, expect, test } from "vitest";
import { tracksOf } from "#core/media/subtitles";
import { movie } from "../../../scripts/movie.ts";
import { refused } from "../../support/harness.ts";
import { meetMedia } from "../../support/sending.ts";

const MINUTE_MS = 60_000;
const VIDEO = { media_type: "video/mp4", media_category: "tweet_video" };
const SRT = { media_type: "text/srt", media_category: "subtitles", send: "later" } as const;
const words = new TextEncoder().encode("1\n00:00:00,000 --> 00:00:01,000\nCall me Ishmael.\n");

type Met = Awaited<ReturnType<typeof meetMedia>>;

/** A film and its subtitles, in these languages. */
async function subtitled(met: Met, ...languages: string[]) {
  const tracks = [];
  for (const language_code of languages)
    tracks.push({
      media_id: await met.medium(words, SRT),
      language_code,
      display_name: `In ${language_code}`,
    });
  return {
    tracks,
    film: await met.medium(movie(50_000), { ...VIDEO, metadata: JSON.stringify({ subtitles: tracks }) }),
  };
}
const atX = ({ x }: Met) => x.media().find(({ category }) => category === "tweet_video");

test("a client's words for them are read, and what has none has none", async () => {
  const met = await meetMedia();
  const { tracks } = await subtitled(met, "EN");
  expect(tracksOf({ metadata: JSON.stringify({ subtitles: tracks, other: 1 }) })).toEqual(tracks);
  expect(tracksOf({ metadata: "{}" })).toEqual([]);
});

describe("a video with subtitles", () => {
  test("is ready when X has them and knows them for its own; nobody need send them", async () => {
    const met = await meetMedia();
    const { film } = await subtitled(met, "EN", "DE");
    const id = await met.upload(film);
    await met.h.pass(10 * MINUTE_MS);
    expect((await met.h.job(id)).state).toBe("succeeded");
    const tracks = met.x.media().filter(({ category }) => category === "subtitles");
    expect(atX(met)?.subtitles).toEqual({
      EN: { id: tracks[0]?.id, language_code: "EN", display_name: "In EN" },
      DE: { id: tracks[1]?.id, language_code: "DE", display_name: "In DE" },
    });
    // The film itself is not sent again because it waits for them.
    expect(met.asked().filter((call) => call.endsWith("initialize"))).toHaveLength(3);
  });

  test("fails if X does not take them, with its words", async () => {
    const met = await meetMedia();
    const { film } = await subtitled(met, "EN");
    met.h.answer((call, request) =>
      call.path === "/2/media/subtitles" ? refused(403, "No subtitles.") : met.x.fetch(request),
    );
    const id = await met.upload(film);
    await met.h.pass(10 * MINUTE_MS);
    const { state, error } = await met.h.job(id);
    expect(state).toBe("failed");
    expect(JSON.parse(error ?? "")).toMatchObject({ upstream: { detail: "No subtitles." } });
  });

  test("fails if there are none by that id", async () => {
    const met = await meetMedia();
    const track = { media_id: "med_01KAB3C4D5V1StGXR8Z5jd0", language_code: "EN", display_name: "English" };
    const film = await met.medium(movie(50_000), {
      ...VIDEO,
      metadata: JSON.stringify({ subtitles: [track] }),
    });
    const id = await met.upload(film);
    await met.h.pass(MINUTE_MS);
    expect(JSON.parse((await met.h.job(id)).error ?? "")).toMatchObject({ code: "media_gone" });
  });
});
