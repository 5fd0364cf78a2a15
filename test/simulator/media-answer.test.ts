import { expect, test } from "vitest";
import { newX } from "./support.ts";

const png = Buffer.from([
  0x89, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 2, 128, 0, 0, 1, 224,
]);

test("an image is ready at once, with its type and size and without processing", async () => {
  const { send } = newX();
  const body = { media: png.toString("base64"), media_category: "tweet_image" };
  expect((await send("POST", "/2/media/upload", { body })).body).toEqual({
    data: {
      id: expect.any(String) as string,
      media_key: expect.stringMatching(/^3_\d+$/) as string,
      size: 24,
      expires_after_secs: 86_400,
      image: { image_type: "image/png", w: 640, h: 480 },
    },
  });
});

test("a video begins pending and its life runs down", async () => {
  const { clock, send } = newX();
  const body = { media: btoa("....ftypmp42"), media_category: "tweet_video" };
  const reply = await send("POST", "/2/media/upload", { body });
  const { data } = reply.body as { data: { id: string } };
  expect(data).toEqual({
    id: data.id,
    media_key: `7_${data.id}`,
    size: 12,
    expires_after_secs: 86_400,
    processing_info: { state: "pending", check_after_secs: 1 },
  });
  clock.now += 10_000;
  expect((await send("GET", `/2/media/upload?media_id=${data.id}`)).body).toEqual({
    data: {
      id: data.id,
      media_key: `7_${data.id}`,
      size: 12,
      expires_after_secs: 86_390,
      video: { video_type: "video/mp4" },
      processing_info: { state: "succeeded", progress_percent: 100 },
    },
  });
});
