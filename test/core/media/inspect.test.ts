import { expect, test } from "vitest";
import { inspect } from "#core/media/inspect";
import { movie, noise } from "../../../scripts/movie.ts";
import { file } from "../../support/files.ts";

type Claim = {
  media_type?: string | null;
  media_category?: string;
  size_bytes?: number;
  bytes_received?: number;
};

const look = (bytes: Uint8Array, claim: Claim = {}) =>
  inspect(async (offset, length) => bytes.subarray(offset, offset + length), {
    media_type: null,
    media_category: null,
    size_bytes: bytes.length,
    bytes_received: bytes.length,
    ...claim,
  });

test.each([
  ["a PNG", file("image/png"), {}, "image/png", "tweet_image"],
  [
    "an MP4 that was called a MOV",
    movie(5_000),
    { media_type: "video/quicktime" },
    "video/mp4",
    "tweet_video",
  ],
  ["a GIF for a message", file("image/gif"), { media_category: "dm_gif" }, "image/gif", "dm_gif"],
  [
    "what we cannot read, as it was called",
    noise(5_000, 1),
    { media_type: "video/mp4" },
    "video/mp4",
    "tweet_video",
  ],
  [
    "a movie without a header, for X to judge",
    movie(5_000).subarray(144),
    { media_type: "video/mp4" },
    "video/quicktime",
    "tweet_video",
  ],
] as const)("%s is sent as what it is", async (_, bytes, claim, media_type, media_category) => {
  expect(await look(bytes, claim)).toEqual({ media_type, media_category });
});

test.each([
  ["a JPEG that is called a PNG", file("image/jpeg"), { media_type: "image/png" }, "media_mislabelled"],
  ["a video that is called a picture", movie(5_000), { media_type: "image/jpeg" }, "media_mislabelled"],
  ["a PDF", file("application/pdf"), {}, "media_unsupported"],
  ["a PDF that is called a video", file("application/pdf"), { media_type: "video/mp4" }, "media_unsupported"],
  ["something nobody knows", noise(500, 1), {}, "media_unsupported"],
  ["an MP4 that lacks its end", movie(5_000).subarray(0, 4_500), {}, "media_cut_off"],
  ["a video of three hours", movie(5_000, { duration_s: 10_800 }), {}, "media_duration"],
] as const)("%s is refused", async (_, bytes, claim, code) => {
  await expect(look(bytes, claim)).rejects.toMatchObject({ code });
});

test("of a file under way the type is judged as soon as it tells, its end not yet", async () => {
  expect(await look(movie(9_000).subarray(0, 100), { size_bytes: 9_000 })).toBeNull();
  expect(await look(movie(9_000).subarray(0, 5_000), { size_bytes: 9_000 })).toEqual({
    media_type: "video/mp4",
    media_category: "tweet_video",
  });
});
