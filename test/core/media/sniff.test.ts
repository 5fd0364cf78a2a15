import { expect, test } from "vitest";
import { isAsNamed, sniff } from "#core/media/sniff";
import { movie, noise } from "../../../scripts/movie.ts";
import { file } from "../../support/files.ts";

test.each([
  "image/png",
  "image/jpeg",
  "image/gif",
  "image/webp",
  "video/quicktime",
  "video/webm",
  "application/pdf",
])("the first bytes of %s tell", async (type) => {
  expect(await sniff(file(type))).toBe(type);
});

test("those of an MP4 do, too", async () => {
  expect(await sniff(movie(4_000))).toBe("video/mp4");
});

test.each([
  ["noise", noise(4_100, 3)],
  ["nothing", new Uint8Array()],
  ["one byte", new Uint8Array([0xff])],
])("%s tells nothing", async (_, bytes) => {
  expect(await sniff(bytes)).toBeNull();
});

test("MP4 and MOV are taken for each other, others are not", () => {
  expect(isAsNamed("video/mp4", "video/quicktime")).toBe(true);
  expect(isAsNamed("image/png", "image/jpeg")).toBe(false);
});
