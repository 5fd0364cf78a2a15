import { describe, expect, test } from "vitest";
import { mediaFields, newUpload } from "#core/media/begin";

const account_id = "acc_01KAB3C4D5V1StGXR8Z5jd1";
const given = { client_id: "cli_1", size_bytes: 10, source_url: null, writer: null, now: 0 };

test("an upload stands on the database of its account, and keeps all that was said of it", () => {
  const fields = mediaFields.parse({ account_id, filetype: "image/jpg", alt_text: "A cat" });
  const upload = newUpload({ ...fields, relativePath: "null" }, given);
  expect(upload).toMatchObject({ account_id, media_type: "image/jpeg", alt_text: "A cat", send: "now" });
  expect(upload.id).toMatch(/^med_.{22}1$/);
  expect(JSON.parse(upload.metadata)).toMatchObject({ relativePath: "null", filetype: "image/jpg" });
});

test("what X would refuse by its name or size is refused before a byte is sent", () => {
  const photo = mediaFields.parse({ account_id, type: "image/png" });
  expect(() => newUpload(photo, { ...given, size_bytes: 6_000_000 })).toThrow("media_too_large");
  expect(() => newUpload(mediaFields.parse({ account_id, type: "text/html" }), given)).toThrow(
    "media_unsupported",
  );
});

test.each([
  ["no account", {}],
  ["a category that X does not have", { account_id, media_category: "tweet_song" }],
  ["another time to send than now or later", { account_id, send: "soon" }],
  ["a text of 1,001 characters", { account_id, alt_text: "a".repeat(1_001) }],
])("%s is a mistake", (_, fields) => {
  expect(mediaFields.safeParse(fields).success).toBe(false);
});

describe("subtitles", () => {
  const track = { media_id: "med_01KAB3C4D5V1StGXR8Z5jd0", language_code: "EN", display_name: "English" };

  test("may be named as a list, or as the text of one where only text can stand", () => {
    for (const subtitles of [[track], JSON.stringify([track])])
      expect(mediaFields.parse({ account_id, subtitles }).subtitles).toEqual([track]);
    expect(mediaFields.parse({ account_id }).subtitles).toBeUndefined();
  });

  test.each([
    ["no JSON", "EN"],
    ["an empty list", []],
    ["a language in small letters", [{ ...track, language_code: "en" }]],
    ["no medium of ours", [{ ...track, media_id: "12" }]],
  ])("that are %s are a mistake", (_, subtitles) => {
    expect(mediaFields.safeParse({ account_id, subtitles }).success).toBe(false);
  });

  test("of a picture are refused", () => {
    const fields = mediaFields.parse({ account_id, type: "image/png", subtitles: [track] });
    expect(() => newUpload(fields, given)).toThrow("invalid");
  });
});
