import { expect, test } from "vitest";
import { base64, base64url, hex, sha256, unbase64, utf8 } from "../../simulator/bytes.ts";

test("bytes come back from base64, also many of them", () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, n) => n % 256);
  expect(base64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
  expect(unbase64(base64(bytes))).toEqual(bytes);
});

test("what is not base64 has no bytes", () => {
  expect(unbase64("***")).toBeNull();
});

test("base64url has no padding and no signs that URLs mean otherwise", () => {
  expect(base64url(new Uint8Array([251, 255, 254, 1]))).toBe("-__-AQ");
});

test("the digest of abc is the published one", async () => {
  expect(hex(await sha256(utf8("abc")))).toMatch(/^ba7816bf8f01cfea414140de5dae2223.*f20015ad$/);
});
