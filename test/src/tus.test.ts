import { expect, test } from "vitest";
import {
  bytesIn,
  capOf,
  checksumIn,
  checkType,
  checkVersion,
  lengthOf,
  limitOf,
  tusHeaders,
  tusOptions,
} from "../../src/tus.ts";
import type { Env } from "../../src/env.ts";

const asked = (headers: Record<string, string>) => new Request("https://proxy.test/", { headers });
const env = (cap?: string) => ({ ...(cap !== undefined && { MAX_REQUEST_BYTES: cap }) }) as Env;

test("the extensions that are announced are those that there are", () => {
  expect(tusOptions["tus-extension"].split(",").sort()).toEqual([
    "checksum",
    "creation",
    "creation-with-upload",
    "expiration",
    "termination",
  ]);
  expect(tusHeaders["tus-resumable"]).toBe(tusOptions["tus-version"]);
});

test("a client of another version hears ours", () => {
  expect(() => {
    checkVersion(asked({ "tus-resumable": "1.0.0" }));
  }).not.toThrow();
  expect(() => {
    checkVersion(asked({}));
  }).toThrow("tus_version");
});

test.each(["", "-1", "1.5", "1e3", "0x10", "9".repeat(16)])("%j is no number of bytes", (value) => {
  expect(() => bytesIn(asked({ "upload-offset": value }), "Upload-Offset")).toThrow("unknown_parameter");
});

test("a checksum is an algorithm and a digest of its length", () => {
  const digest = btoa("a".repeat(32));
  expect(checksumIn(asked({ "upload-checksum": `sha256 ${digest}` }))).toEqual({
    algorithm: "SHA-256",
    digest: new Uint8Array(32).fill(97),
  });
  expect(checksumIn(asked({}))).toBeNull();
  for (const value of [`sha1 ${digest}`, `md5 ${digest}`, "sha256", `sha256 ${digest}x`])
    expect(() => checksumIn(asked({ "upload-checksum": value }))).toThrow("unknown_parameter");
});

test("a piece with a checksum has a bound of its own", () => {
  const headers = { "upload-checksum": `sha1 ${btoa("a".repeat(20))}`, "content-length": "33554433" };
  expect(() => checksumIn(asked(headers))).toThrow("body_too_large");
  expect(limitOf(100_000_000, { algorithm: "SHA-1", digest: new Uint8Array(20) })).toBe(33_554_432);
  expect(limitOf(100_000_000, null)).toBe(100_000_000);
});

test("a request may have what the plan allows, 100 MB if nobody says", () => {
  expect(capOf(asked({ "content-length": "100000000" }), env())).toBe(100_000_000);
  expect(capOf(asked({}), env("500"), 400)).toBe(400);
  expect(() => capOf(asked({ "content-length": "501" }), env("500"))).toThrow("chunkSize: 500");
  expect(lengthOf(asked({}))).toBeNull();
});

test("only a piece of an upload is taken for one", () => {
  expect(() => {
    checkType(asked({ "content-type": "application/offset+octet-stream" }));
  }).not.toThrow();
  expect(() => {
    checkType(asked({ "content-type": "video/mp4" }));
  }).toThrow("unsupported_media_type");
});
