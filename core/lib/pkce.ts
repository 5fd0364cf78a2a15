import { base64url, sha256 } from "./bytes.ts";

/** RFC 7636, section 4.1: at least 32 random bytes, which give the 43 characters a verifier needs. */
const MIN_BYTES = 32;
const MAX_BYTES = 96;

/** A code verifier from 32 to 96 random bytes, 43 to 128 characters. */
export function createVerifier(random: Uint8Array): string {
  if (random.length < MIN_BYTES || random.length > MAX_BYTES) {
    throw new RangeError(`a verifier is made of ${MIN_BYTES} to ${MAX_BYTES} bytes, not ${random.length}`);
  }
  return base64url(random);
}

/** The S256 challenge of a verifier (RFC 7636, section 4.2). */
export const challengeOf = (verifier: string): Promise<string> => sha256(verifier);
