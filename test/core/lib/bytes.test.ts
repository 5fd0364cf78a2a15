import fc from "fast-check";
import { expect, test } from "vitest";
import { base64url, equalInConstantTime, fromBase64url, sha256, text, utf8 } from "#core/lib/bytes";

test("text becomes UTF-8 and back", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (input) => text(utf8(input)) === input));
  expect([...utf8("ü")]).toEqual([0xc3, 0xbc]);
});

test("bytes become base64url and back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const encoded = base64url(bytes);
      return /^[\w-]*$/.test(encoded) && fromBase64url(encoded).every((byte, i) => byte === bytes[i]);
    }),
  );
});

// RFC 4648, section 10, and two bytes that need both characters that base64 has not.
test.each([
  ["", ""],
  ["f", "Zg"],
  ["fo", "Zm8"],
  ["foobar", "Zm9vYmFy"],
])("%j is %j", (plain, encoded) => {
  expect(base64url(utf8(plain))).toBe(encoded);
});

test("the two characters of base64 that do not belong in URLs are replaced, and both forms are read", () => {
  expect(base64url(Uint8Array.from([0xfb, 0xff]))).toBe("-_8");
  expect([...fromBase64url("+/8=")]).toEqual([0xfb, 0xff]);
});

test("what is no base64 throws", () => {
  expect(() => fromBase64url("a!b")).toThrow();
});

test("SHA-256 of the empty text is the known one", async () => {
  expect(await sha256("")).toBe("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
});

test.each([
  ["secret", "secret", true],
  ["secret", "secreT", false],
  ["secret", "secret ", false],
  ["", "", true],
  ["", "a", false],
])("%j equals %j: %s", async (a, b, equal) => {
  expect(await equalInConstantTime(a, b)).toBe(equal);
});
