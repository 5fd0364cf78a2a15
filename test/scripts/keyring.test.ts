import { expect, test } from "vitest";
import { isRing, makeKey, newestAlone, newestIn, withNewKey } from "../../scripts/keyring.ts";

test.each([
  ["k1:AAA", "k2"],
  ["k7:AAA,k2:BBB", "k8"],
  ["first:AAA", "k1"],
  ["w1:AAA", "w2"],
  ["k3:AAA, k12:BBB ,old:lost", "k13"],
])("the new key in front of %s is %s", (ring, id) => {
  const fresh = withNewKey(ring);
  expect(newestIn(fresh)).toBe(id);
  expect(fresh.split(",").slice(1)).toEqual(ring.split(",").map((entry) => entry.trim()));
  expect(newestAlone(fresh)).toMatch(new RegExp(`^${id}:[\\w-]{43}$`));
});

test("no two keys are alike", () => {
  expect(makeKey("k1")).not.toBe(makeKey("k1"));
});

test.each([
  [makeKey("k1"), true],
  [`${makeKey("k2")}, ${makeKey("k1")},old:lost`, true],
  [`old:lost,${makeKey("k1")}`, false],
  [`${makeKey("k1")},${makeKey("k1")}`, false],
  ["k1:short", false],
  [makeKey("an id"), false],
  ["", false],
])("%s is a ring: %s", (text, expected) => {
  expect(isRing(text)).toBe(expected);
});
