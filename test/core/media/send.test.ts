import { describe, expect, test } from "vitest";
import { createMortal, type Death } from "../../support/mortal.ts";
import { hexOf, meetMedia } from "../../support/sending.ts";
import { movie } from "../../../scripts/movie.ts";

// A Worker that sends a medium dies at each of its steps, before the step has its effect or after it.

const MINUTE_MS = 60_000;
const MIB = 1024 * 1024;
const film = movie(21 * MIB);
const sum = await hexOf(film);
const SEGMENTS = 6;
const IN_FLIGHT = 4;

async function stopped(death: Death) {
  const mortal = createMortal(death);
  const { h, x, medium, upload, asked, arrived } = await meetMedia();
  x.setSettings({ media_processing_ms: 8_000, media_check_after_secs: 5 });
  const id = await upload(
    await medium(film, { media_type: "video/mp4", media_category: "tweet_video", pieces: 3 }),
  );
  h.wrapDatabase(mortal.database);
  h.answer((_, request) => mortal.step(() => x.fetch(request)));
  await Promise.race([h.turn(), mortal.died]);
  h.wrapDatabase((db) => db);
  h.answer((_, request) => x.fetch(request));
  await h.pass(15 * MINUTE_MS);
  const calls = (ending: string) => asked().filter((call) => call.endsWith(ending)).length;
  return {
    steps: mortal.steps(),
    state: (await h.job(id)).state,
    right: arrived().includes(sum),
    appended: calls("append"),
    begun: calls("initialize"),
  };
}

const whole = await stopped({ step: Infinity, when: "after" });

test("a sending that nobody stops sends each segment once", () => {
  expect(whole).toMatchObject({ state: "succeeded", right: true, appended: SEGMENTS, begun: 1 });
});

const deaths: Death[] = Array.from({ length: whole.steps }, (_, index) => index + 1).flatMap((step) => [
  { step, when: "before" },
  { step, when: "after" },
]);

describe.each(deaths)("a Worker that dies $when step $step", (death) => {
  test("ends with equal bytes, and at most the segments in flight sent twice", async () => {
    const found = await stopped(death);
    expect(found).toMatchObject({ state: "succeeded", right: true });
    expect(found.appended).toBeLessThanOrEqual(SEGMENTS + IN_FLIGHT);
    expect(found.begun).toBeLessThanOrEqual(2);
  });
});
