import { describe, expect, test } from "vitest";
import { categoryOf, isTaken, MAX_BYTES, refusalOf, typeNamed } from "#core/media/formats";

const MIB = 1024 * 1024;
const known = { media_type: null, media_category: null, size_bytes: 1 };

test.each([
  ["image/jpg", "image/jpeg"],
  ["Video/MP4; codecs=avc1", "video/mp4"],
  ["video/x-m4v", "video/mp4"],
  ["application/octet-stream", null],
  ["", null],
  [undefined, null],
])("%s is named %s", (name, type) => {
  expect(typeNamed(name)).toBe(type);
});

test.each([
  ["image/gif", "tweet_gif"],
  ["image/webp", "tweet_image"],
  ["video/quicktime", "tweet_video"],
  ["text/srt", "subtitles"],
  ["model/gltf-binary", null],
])("%s is posted as %s", (type, category) => {
  expect(isTaken(type)).toBe(true);
  expect(categoryOf(type)).toBe(category);
});

describe("X would refuse", () => {
  test.each([
    ["a type that it does not have", { media_type: "application/pdf" }, "media_unsupported"],
    ["a picture as a video", { media_type: "image/png", media_category: "tweet_video" }, "media_unsupported"],
    ["a photo over 5 MiB", { media_type: "image/png", size_bytes: 5 * MIB + 1 }, "media_too_large"],
    ["a GIF over 15 MiB", { media_type: "image/gif", size_bytes: 15 * MIB + 1 }, "media_too_large"],
    [
      "a GIF in a photo's category over 5 MiB",
      { media_type: "image/gif", media_category: "tweet_image", size_bytes: 6 * MIB },
      "media_too_large",
    ],
    ["anything over 8 GB", { size_bytes: MAX_BYTES + 1 }, "media_too_large"],
    ["a video of three hours", { media_type: "video/mp4", duration_s: 10_800 }, "media_duration"],
    ["a video of a blink", { media_type: "video/mp4", duration_s: 0.2 }, "media_duration"],
    ["subtitles over 1 MiB", { media_type: "text/srt", size_bytes: MIB + 1 }, "media_too_large"],
  ])("%s", (_, more, code) => {
    expect(refusalOf({ ...known, ...more })?.code).toBe(code);
  });
});

describe("X's word is waited for", () => {
  test.each([
    [
      "a video of which nothing is known but its size",
      { media_type: "video/mp4", size_bytes: 7 * 1024 * MIB },
    ],
    ["a file of which nothing is known", { size_bytes: null }],
    ["a photo of just 5 MiB", { media_type: "image/jpeg", size_bytes: 5 * MIB }],
    ["a video of two hours", { media_type: "video/mp4", duration_s: 7_200 }],
  ])("%s", (_, more) => {
    expect(refusalOf({ ...known, ...more })).toBeNull();
  });
});
