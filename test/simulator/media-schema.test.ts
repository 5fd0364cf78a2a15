import { expect, test } from "vitest";
import { categoryFlaw, initializeSchema, metadataSchema } from "../../simulator/media-schema.ts";
import { flawOf } from "../../simulator/schema.ts";

const mega = 1024 * 1024;

test.each([
  ["tweet_image", "image/png", 5 * mega],
  ["tweet_gif", "image/gif", 15 * mega],
  ["amplify_video", "video/mp4", 8192 * mega],
  ["subtitles", "text/srt", mega],
])("%s takes %s of %i bytes and no more", (category, type, bytes) => {
  expect(categoryFlaw(category, type, bytes)).toBeNull();
  expect(categoryFlaw(category, type, bytes + 1)).toContain(String(bytes));
});

test.each([
  ["tweet_image", "video/mp4"],
  ["tweet_gif", "image/png"],
  ["tweet_video", "image/gif"],
])("%s does not take %s", (category, type) => {
  expect(categoryFlaw(category, type, 1)).toContain(type);
});

test("no field of initialize is required, none may be unknown", () => {
  expect(flawOf(initializeSchema, {})).toBeNull();
  expect(flawOf(initializeSchema, { total_bytes: 17_179_869_185 })?.at).toBe("total_bytes");
  expect(flawOf(initializeSchema, { size: 1 })?.at).toBe("size");
});

test("metadata may have more than we read", () => {
  const metadata = { alt_text: { text: "a" }, upload_source: { upload_source: "b" } };
  expect(flawOf(metadataSchema, { id: "1", metadata })).toBeNull();
  expect(flawOf(metadataSchema, { id: "1", metadata: { alt_text: {} } })?.at).toBe("metadata.alt_text.text");
});
