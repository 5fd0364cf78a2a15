import { expect, test } from "vitest";
import { readMetadata, writeMetadata } from "#core/media/metadata";

test("pairs are read, with and without a value", () => {
  expect(readMetadata(`filename ${btoa("a.mp4")},is_confidential, alt_text 8J+YgA==`)).toEqual({
    filename: "a.mp4",
    is_confidential: "",
    alt_text: "😀",
  });
  expect(readMetadata(null)).toEqual({});
  expect(readMetadata("")).toEqual({});
});

test("what was read can be written", () => {
  const metadata = { filename: "größe.mp4", empty: "", "x.y-z": "1" };
  expect(readMetadata(writeMetadata(metadata))).toEqual(metadata);
});

test.each([
  ["a value that is no base64", "filename ???"],
  ["one key twice", "a YQ==,a YQ=="],
  ["no key", "a YQ==,, b YQ=="],
  ["more than 8 KiB", `a ${"A".repeat(9_000)}`],
])("%s is refused", (_, header) => {
  expect(() => readMetadata(header)).toThrow("unknown_parameter");
});
