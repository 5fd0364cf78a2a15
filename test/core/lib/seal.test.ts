import { describe, expect, test } from "vitest";
import { base64url } from "#core/lib/bytes";
import { openRing } from "#core/lib/seal";

const keyOf = (byte: number) => base64url(new Uint8Array(32).fill(byte));
const OLD = `old:${keyOf(1)}`;
const NEW = `new:${keyOf(2)}`;
const open = (secret: string | undefined) => openRing(secret, "TOKEN_KEYS");

test("what was sealed opens again, in its place", async () => {
  const ring = await open(NEW);
  const sealed = await ring.seal("hush ü", "pair:acc_1:1");
  expect(await ring.open(sealed, "pair:acc_1:1")).toBe("hush ü");
  expect(sealed).not.toContain("hush");
});

test("in another place it does not open", async () => {
  const ring = await open(NEW);
  const sealed = await ring.seal("hush", "pair:acc_1:1");
  await expect(ring.open(sealed, "pair:acc_1:2")).rejects.toThrow();
  await expect(ring.open(sealed, "pair:acc_2:1")).rejects.toThrow();
});

test("sealing the same twice gives different texts", async () => {
  const ring = await open(NEW);
  expect(await ring.seal("hush", "p")).not.toBe(await ring.seal("hush", "p"));
});

test("the first key seals, all of them open: keys can be changed while old seals live", async () => {
  const sealed = await (await open(OLD)).seal("hush", "p");
  const both = await open(` ${NEW} , ${OLD} `);
  expect(await both.open(sealed, "p")).toBe("hush");
  expect(await both.seal("hush", "p")).toMatch(/^new\./);
});

test("a ring without the key says so in a sentence that names the variable and the key's id", async () => {
  const sealed = await (await open(OLD)).seal("hush", "p");
  await expect((await open(NEW)).open(sealed, "p")).rejects.toThrow(
    'TOKEN_KEYS lacks the key "old" that sealed this',
  );
});

test.each(["changed data", "changed key"])("%s does not open", async (what) => {
  const ring = await open(`new:${keyOf(3)}`);
  const sealed = await (await open(what === "changed key" ? NEW : `new:${keyOf(3)}`)).seal("hush", "p");
  const flipped = sealed.slice(0, -2) + (sealed.at(-2) === "A" ? "B" : "A") + sealed.slice(-1);
  await expect(ring.open(what === "changed key" ? sealed : flipped, "p")).rejects.toThrow();
});

describe("a ring that cannot be read says so, and never the key", () => {
  const short = base64url(new Uint8Array(31));

  test.each([
    ["nothing", undefined, "TOKEN_KEYS is missing"],
    ["an empty text", " , ", "TOKEN_KEYS is missing"],
    ["a key without an id", keyOf(9), 'TOKEN_KEYS must be "id:key"'],
    ["an empty id", `:${keyOf(9)}`, 'TOKEN_KEYS must be "id:key"'],
    ["an id with a dot", `a.b:${keyOf(9)}`, 'TOKEN_KEYS must be "id:key"'],
    ["a short key", `id:${short}`, "32 bytes"],
    ["a key that is no base64", `id:${"!".repeat(43)}`, "32 bytes"],
    ["one good and one bad", `${NEW},id:${short}`, "32 bytes"],
  ])("%s", async (_, secret, message) => {
    const error: unknown = await open(secret).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain(message);
    expect(String(error)).not.toContain(keyOf(9));
    expect(String(error)).not.toContain(short);
  });
});
