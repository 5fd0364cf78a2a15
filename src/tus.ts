import { fromBase64url } from "#core/lib/bytes";
import { Problem } from "#core/lib/problem";
import { MAX_BYTES } from "#core/media/formats";
import type { Checksum } from "#core/media/receive";
import type { Env } from "./env.ts";

/** tus 1.0.0, the resumable upload protocol (https://tus.io/protocols/resumable-upload): what its headers say. */

const VERSION = "1.0.0";

/** In every answer. */
export const tusHeaders = { "tus-resumable": VERSION } as const;

/** What OPTIONS tells of us. */
export const tusOptions = {
  "tus-version": VERSION,
  "tus-extension": "creation,creation-with-upload,termination,checksum,expiration",
  "tus-max-size": String(MAX_BYTES),
  "tus-checksum-algorithm": "sha1,sha256",
} as const;

/** Refuse a client of another version. Throws 412. */
export function checkVersion({ headers }: Request): void {
  if (headers.get("tus-resumable") !== VERSION)
    throw new Problem("tus_version", { headers: { "tus-version": VERSION } });
}

/** A header that holds a number of bytes. Throws 400 when it is missing or no number. */
export function bytesIn({ headers }: Request, name: string): number {
  const value = headers.get(name) ?? "";
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw unknownHeader(name, "A number of bytes");
}

/** Cloudflare's cap on a request in its free plan. */
const CAP_BYTES = 100_000_000;

/** The most bytes a request may have here. Throws 413 when it says itself that it has more. */
export function capOf({ headers }: Request, env: Env, most = Infinity): number {
  const cap = Math.min(Number(env.MAX_REQUEST_BYTES) || CAP_BYTES, most);
  if (Number(headers.get("content-length") ?? 0) <= cap) return cap;
  throw new Problem("body_too_large", {
    detail: `A request may have ${cap} bytes: upload in pieces, in tus-js-client with the option chunkSize: ${cap}`,
  });
}

/** The bytes a request has by its own words, or null. */
export function lengthOf({ headers }: Request): number | null {
  const length = headers.get("content-length");
  return length === null ? null : Number(length);
}

export const OFFSET_STREAM = "application/offset+octet-stream";

/** Refuse bytes that are not said to be a piece of an upload. Throws 415. */
export function checkType({ headers }: Request): void {
  if (headers.get("content-type")?.trim().toLowerCase() !== OFFSET_STREAM)
    throw new Problem("unsupported_media_type", { detail: `The Content-Type must be ${OFFSET_STREAM}` });
}

/** A piece with a checksum is taken whole or not at all. */
const CHECKED_BYTES = 32 * 1024 * 1024;

const ALGORITHMS: Record<string, readonly [algorithm: Checksum["algorithm"], bytes: number]> = {
  sha1: ["SHA-1", 20],
  sha256: ["SHA-256", 32],
};

/** `Upload-Checksum: sha256 base64`, or null. Throws 400, and 413 for a piece that is too long to be checked. */
export function checksumIn(request: Request): Checksum | null {
  const header = request.headers.get("upload-checksum");
  if (header === null) return null;
  const [, name = "", digest = ""] = /^(sha1|sha256) ([\w+/=-]+)$/.exec(header.trim()) ?? [];
  const [algorithm, size] = ALGORITHMS[name] ?? [];
  const bytes = algorithm === undefined ? null : decoded(digest);
  if (algorithm === undefined || bytes === null || bytes.length !== size)
    throw unknownHeader("Upload-Checksum", "sha1 or sha256, a space, and the digest in base64");
  if ((lengthOf(request) ?? 0) > CHECKED_BYTES)
    throw new Problem("body_too_large", {
      detail: `With a checksum a request may have ${CHECKED_BYTES} bytes`,
    });
  return { algorithm, digest: bytes };
}

/** What a checked request may have. */
export const limitOf = (cap: number, checksum: Checksum | null): number =>
  checksum ? Math.min(cap, CHECKED_BYTES) : cap;

function decoded(text: string): Uint8Array | null {
  try {
    return fromBase64url(text);
  } catch {
    return null;
  }
}

export const unknownHeader = (pointer: string, detail: string): Problem =>
  new Problem("unknown_parameter", { errors: [{ pointer, code: "invalid", detail }] });
