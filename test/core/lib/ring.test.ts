import { describe, expect, test } from "vitest";
import { base64url } from "#core/lib/bytes";
import { LOST, readEntries, readRing } from "#core/lib/ring";

const keyOf = (byte: number) => base64url(new Uint8Array(32).fill(byte));

test("a ring is its keys by their ids, in the order they are written", () => {
  const ring = readRing(` new:${keyOf(2)} , old:${keyOf(1)}`, "SESSION_KEYS");
  expect([...ring.keys()]).toEqual(["new", "old"]);
  expect(ring.get("old")).toEqual(new Uint8Array(32).fill(1));
});

describe("a ring that cannot be read says so, and never the key", () => {
  test.each([
    ["nothing", undefined, "SESSION_KEYS is missing"],
    ["only commas", ", ,", "SESSION_KEYS is missing"],
    ["a key without an id", keyOf(9), 'SESSION_KEYS must be "id:key"'],
    ["a short key", `id:${keyOf(9).slice(0, -2)}`, "32 bytes"],
    ["an id twice", `id:${keyOf(1)},id:${keyOf(2)}`, 'has the id "id" twice'],
    ["a lost key in front", `id:lost,old:${keyOf(2)}`, "begins with a lost key"],
    ["characters that are not base64url", `id:${keyOf(9).slice(0, -1)}!`, "32 bytes"],
  ])("%s", (_, secret, message) => {
    const read = () => readRing(secret, "SESSION_KEYS");
    expect(read).toThrow(message);
    expect(read).not.toThrow(keyOf(9).slice(0, 20));
  });
});

test("a lost key keeps its place among the entries, and opens nothing", () => {
  const secret = `new:${keyOf(2)},old:lost`;
  expect(readEntries(secret, "TOKEN_KEYS").get("old")).toBe(LOST);
  expect([...readRing(secret, "TOKEN_KEYS").keys()]).toEqual(["new"]);
});
