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

test("another key under the same id is told apart from a missing one, and neither key is named", async () => {
  const sealed = await (await open(NEW)).seal("hush", "p");
  const error: unknown = await (await open(`new:${keyOf(3)}`)).open(sealed, "p").catch((e: unknown) => e);
  expect(String(error)).toContain('TOKEN_KEYS has a key "new" that is not the one which sealed this');
  expect(String(error)).not.toMatch(new RegExp(`${keyOf(2)}|${keyOf(3)}`));
});

test.each(["plain text, never sealed", "", "new.", "new.AAAA", "new.AAAA.AAAA.AAAA"])(
  "%j was never sealed, and is not repeated in the sentence that says so",
  async (stored) => {
    await expect((await open(NEW)).open(stored, "p")).rejects.toThrow(
      /^This was not sealed with TOKEN_KEYS$/,
    );
  },
);

test("the ring knows what its newest key sealed", async () => {
  const before = await open(OLD);
  const after = await open(`${NEW},${OLD}`);
  const [old, fresh] = [await before.seal("hush", "p"), await after.seal("hush", "p")];
  expect([before.newest, after.newest]).toEqual(["old", "new"]);
  expect([before.isNewest(old), after.isNewest(old), after.isNewest(fresh)]).toEqual([true, false, true]);
  expect((await open(`n:${keyOf(4)}`)).isNewest(fresh)).toBe(false);
});

test("a key that is lost can be said to be: what it sealed does not open, all else does", async () => {
  const sealed = await (await open(OLD)).seal("hush", "p");
  const ring = await open(`${NEW},old:lost`);
  await expect(ring.open(sealed, "p")).rejects.toThrow('the key "old", which sealed this, is lost');
  const other = await ring.seal("hush", "p");
  expect(await ring.open(other, "p")).toBe("hush");
  expect([sealed, other, "nonsense"].map((one) => ring.isLost(one))).toEqual([true, false, false]);
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
    ["more than an id and a key", `${NEW}:more`, 'TOKEN_KEYS must be "id:key"'],
    ["one id twice", `${NEW},${OLD},new:${keyOf(9)}`, 'TOKEN_KEYS has the id "new" twice'],
    ["nothing but a lost key", "old:lost", "TOKEN_KEYS begins with a lost key"],
    ["one good and one bad", `${NEW},id:${short}`, "32 bytes"],
  ])("%s", async (_, secret, message) => {
    const error: unknown = await open(secret).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain(message);
    expect(String(error)).not.toContain(keyOf(9));
    expect(String(error)).not.toContain(short);
  });
});
