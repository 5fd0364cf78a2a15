import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { mediaUpload } from "#core/jobs/kinds/media-upload";
import type { Sending } from "#core/media/send";
import { movie } from "../../../../scripts/movie.ts";
import { file } from "../../../support/files.ts";
import { refused } from "../../../support/harness.ts";
import { hexOf, meetMedia } from "../../../support/sending.ts";

const MIB = 1024 * 1024;
const VIDEO = { media_type: "video/mp4", media_category: "tweet_video" };
const film = movie(18 * MIB);
const sum = await hexOf(film);
const MINUTE_MS = 60_000;

describe("a medium is sent to X", () => {
  test("a picture in three calls, with the words that describe it in a fourth", async () => {
    const { h, x, medium, upload, asked, arrived } = await meetMedia();
    const bytes = file("image/png", 5_000);
    const id = await upload(await medium(bytes, { alt_text: "A cat" }));
    await h.turn();
    const { result, state } = await h.job(id);
    expect(state).toBe("succeeded");
    const { x_media_id, expires_at } = JSON.parse(result ?? "") as { x_media_id: string; expires_at: string };
    expect(Date.parse(expires_at) - h.now()).toBe(86_400_000);
    expect(asked()).toEqual([
      "POST upload/initialize",
      "POST upload/:id/append",
      "POST upload/:id/finalize",
      "POST metadata",
    ]);
    expect(arrived()).toEqual([await hexOf(bytes)]);
    expect(x.media()[0]).toMatchObject({ id: x_media_id, metadata: { alt_text: { text: "A cat" } } });
  });

  test("a video in segments of 4 MiB, wherever its pieces stand, and is waited for while X works on it", async () => {
    const { h, x, medium, upload, asked, arrived } = await meetMedia();
    x.setSettings({ media_processing_ms: 60_000, media_check_after_secs: 20 });
    const id = await upload(await medium(film, { ...VIDEO, pieces: 7 }));
    await h.turn();
    expect(asked().filter((call) => call.endsWith("append"))).toHaveLength(5);
    expect(arrived()).toEqual([sum]);
    expect(await h.job(id)).toMatchObject({ state: "waiting", attempts: 0 });
    await h.pass(2 * MINUTE_MS);
    expect(await h.job(id)).toMatchObject({ state: "succeeded", attempts: 1 });
    expect(asked().filter((call) => call === "GET upload")).toHaveLength(3);
  });

  test("a turn ends in time, and the next one goes on where it stopped", async () => {
    const { h, x, medium, upload, asked, arrived } = await meetMedia();
    h.answer((_, request) => {
      h.advance(20_000);
      return x.fetch(request);
    });
    const id = await upload(await medium(film, VIDEO));
    await h.turn();
    expect(asked()).not.toContain("POST upload/:id/finalize");
    const { bytes_sent, next } = JSON.parse((await h.job(id)).checkpoint ?? "") as Sending;
    expect([bytes_sent, next]).toEqual([16 * MIB, 4]);
    await h.pass(10 * MINUTE_MS);
    expect((await h.job(id)).state).toBe("succeeded");
    expect(arrived()).toEqual([sum]);
    expect(asked().filter((call) => call.endsWith("append"))).toHaveLength(5);
  });
});

describe("what goes wrong on the way", () => {
  test("at one segment costs that one, and the count of attempts begins anew when it gets further", async () => {
    const { h, x, medium, upload, asked, arrived } = await meetMedia();
    x.setFaults([{ match: { path: "append" }, skip: 2, times: 1, fault: { kind: "error", status: 503 } }]);
    const id = await upload(await medium(film, VIDEO));
    await h.turn();
    expect(await h.job(id)).toMatchObject({ state: "waiting", attempts: 1 });
    await h.pass(10 * MINUTE_MS);
    expect(await h.job(id)).toMatchObject({ state: "succeeded", attempts: 1 });
    expect(arrived()).toEqual([sum]);
    expect(asked().filter((call) => call.endsWith("append")).length).toBeLessThanOrEqual(5 + 3);
  });

  test.each(["append", "finalize"])("X that has lost it at %s is sent it anew", async (path) => {
    const { h, x, medium, upload, asked, arrived } = await meetMedia();
    let lost = false;
    h.answer((call, request) => {
      if (lost || !call.path.endsWith(path)) return x.fetch(request);
      lost = true;
      return refused(400, "BadRequest: Not found");
    });
    const id = await upload(await medium(film, VIDEO));
    await h.pass(10 * MINUTE_MS);
    expect((await h.job(id)).state).toBe("succeeded");
    expect(asked().filter((call) => call.endsWith("initialize"))).toHaveLength(2);
    expect(arrived()).toContain(sum);
  });

  test("X that loses it every time has an end", async () => {
    const { h, x, medium, upload, asked } = await meetMedia();
    h.answer((call, request) =>
      call.path.endsWith("finalize") ? refused(400, "BadRequest: Not found") : x.fetch(request),
    );
    const id = await upload(await medium(file("image/png"), {}));
    await h.pass(10 * MINUTE_MS);
    expect(await h.job(id)).toMatchObject({ state: "failed" });
    expect(asked().filter((call) => call.endsWith("initialize"))).toHaveLength(4);
  });

  test("X's no is kept in its own words", async () => {
    const { h, medium, upload } = await meetMedia();
    h.answer(() => refused(403, "This user is not allowed to upload a video longer than 20 minutes."));
    const id = await upload(await medium(film, VIDEO));
    await h.turn();
    const { state, error } = await h.job(id);
    expect(state).toBe("failed");
    expect(JSON.parse(error ?? "")).toMatchObject({
      source: "x",
      upstream: { status: 403, detail: "This user is not allowed to upload a video longer than 20 minutes." },
    });
  });

  test("X that cannot process it says so", async () => {
    const { h, x, medium, upload } = await meetMedia();
    x.setSettings({ media_outcome: "failed" });
    const id = await upload(await medium(film, VIDEO));
    await h.pass(MINUTE_MS);
    const { state, error } = await h.job(id);
    expect(state).toBe("failed");
    expect(JSON.parse(error ?? "")).toMatchObject({
      code: "x_media_failed",
      upstream: { type: "InvalidMedia" },
    });
  });

  test.each([
    ["a medium that was deleted", {}, true, "media_gone"],
    ["one whose bytes are gone", { cleared_at: 1 }, false, "media_gone"],
  ] as const)("%s is not sent", async (_, more, deleted, code) => {
    const { h, medium, upload } = await meetMedia();
    const media_id = await medium(file("image/png"), more);
    if (deleted) await env.DB.prepare("DELETE FROM uploads").run();
    const id = await upload(media_id);
    await h.turn();
    expect(h.calls).toEqual([]);
    expect(JSON.parse((await h.job(id)).error ?? "")).toMatchObject({ code });
  });

  test("one whose bytes are still on their way is waited for", async () => {
    const { h, medium, upload } = await meetMedia();
    const media_id = await medium(file("image/png"));
    const set = (state: string, at: number | null) =>
      env.DB.prepare("UPDATE uploads SET state = ?, received_at = ?").bind(state, at).run();
    await set("receiving", null);
    const id = await upload(media_id);
    await h.pass(MINUTE_MS);
    expect(h.calls).toEqual([]);
    await set("received", h.now());
    await h.pass(MINUTE_MS);
    expect((await h.job(id)).state).toBe("succeeded");
  });
});

test("each medium has a lane of its own, and two are sent at once", async () => {
  const { h, medium, upload, account_id } = await meetMedia();
  const [one, other] = [
    await medium(file("image/png")),
    await medium(file("image/gif"), { media_category: "tweet_gif", media_type: "image/gif" }),
  ];
  await Promise.all([upload(one), upload(other)]);
  expect(h.messages.map(({ lane }) => lane).sort()).toEqual(
    [`media:${one}:${account_id}`, `media:${other}:${account_id}`].sort(),
  );
  expect(mediaUpload.medium?.({ account_id, media_id: one })).toBe(one);
});
