import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { clearMedia } from "#core/jobs/clear-media";
import { first } from "#core/store/sql";
import type { UploadRow } from "#core/store/uploads";
import { file } from "../../support/files.ts";
import { meetMedia } from "../../support/sending.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const picture = file("image/png", 3_000);

async function opened() {
  const met = await meetMedia();
  const media_id = await met.medium(picture, { send: "later" });
  const row = () => first<UploadRow>(env.DB.prepare("SELECT * FROM uploads WHERE id = ?").bind(media_id));
  const objects = async () => (await env.MEDIA.list({ prefix: `uploads/${media_id}/` })).objects.length;
  const clear = () => clearMedia(met.h.consumer, env.MEDIA);
  const tweet = (run_at: number | null) =>
    met.h.post(met.account_id, "later", {
      params: { account_id: met.account_id, text: "later", media: [media_id] },
      run_at,
    });
  return { ...met, media_id, row, objects, clear, tweet };
}

test("bytes go when their time has come, what is known of them a month later", async () => {
  const { h, row, objects, clear } = await opened();
  await clear();
  expect(await objects()).toBe(1);
  h.advance(DAY_MS + 1);
  await clear();
  expect(await objects()).toBe(0);
  expect(await row()).toMatchObject({ cleared_at: h.now() });
  h.advance(31 * DAY_MS);
  await clear();
  expect(await row()).toBeNull();
});

test("bytes that a tweet needs stay until it is out", async () => {
  const { h, objects, clear, tweet } = await opened();
  const id = await tweet(h.now() + 40 * MINUTE_MS);
  const expire = () => env.DB.prepare("UPDATE uploads SET expires_at = ?").bind(h.now()).run();
  await expire();
  await clear();
  expect(await objects()).toBe(1);
  await h.pass(42 * MINUTE_MS);
  expect((await h.job(id)).state).toBe("succeeded");
  await expire();
  await clear();
  expect(await objects()).toBe(0);
});

test("an upload that never became whole goes, whatever it was for", async () => {
  const { h, objects, clear, tweet } = await opened();
  await tweet(null);
  await env.DB.prepare("UPDATE uploads SET state = 'receiving', received_at = NULL").run();
  h.advance(DAY_MS + 1);
  await clear();
  expect(await objects()).toBe(0);
});

test("subtitles stay as long as the video that they are of", async () => {
  const { h, medium, media_id, row, clear } = await opened();
  await env.DB.prepare("UPDATE uploads SET media_category = 'subtitles'").run();
  const metadata = JSON.stringify({ subtitles: [{ media_id }] });
  const video = await medium(picture, { metadata, expires_at: h.now() + 10 * DAY_MS });
  h.advance(2 * DAY_MS);
  await clear();
  expect((await row())?.cleared_at).toBeNull();
  await env.DB.prepare("UPDATE uploads SET cleared_at = 1 WHERE id = ?").bind(video).run();
  h.advance(2 * DAY_MS);
  await clear();
  expect((await row())?.cleared_at).toBe(h.now());
});
