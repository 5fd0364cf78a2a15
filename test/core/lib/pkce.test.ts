import { expect, test } from "vitest";
import { challengeOf, createVerifier } from "#core/lib/pkce";

// RFC 7636, appendix B.
const octets = Uint8Array.from([
  116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105, 214, 191,
  240, 91, 88, 5, 88, 83, 132, 141, 121,
]);
const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

test("the RFC's octets give the RFC's verifier", () => {
  expect(createVerifier(octets)).toBe(verifier);
});

test("the RFC's verifier gives the RFC's challenge", async () => {
  expect(await challengeOf(verifier)).toBe("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
});

test.each([31, 97])("%i bytes make no verifier", (length) => {
  expect(() => createVerifier(new Uint8Array(length))).toThrow(RangeError);
});

test.each([
  [32, 43],
  [96, 128],
])("%i bytes make %i characters", (bytes, characters) => {
  expect(createVerifier(new Uint8Array(bytes))).toHaveLength(characters);
});
