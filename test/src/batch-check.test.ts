import { describe, expect, test } from "vitest";
import { checkingInto } from "../../src/batch-check.ts";
import { allKinds } from "#core/jobs/kinds/index";
import { readPrices } from "#core/x/prices";

const NOW = Date.UTC(2026, 10, 23, 12);
const CHECKS = { kinds: allKinds, prices: readPrices(undefined, "") };
const account_id = "acc_01KAB3C4D5V1StGXR8Z5jd0";

function check(items: unknown[], defaults: Record<string, unknown> = {}) {
  const checking = checkingInto(CHECKS, NOW);
  checking.begin({ defaults });
  for (const item of items) checking.item(item);
  return checking.checked;
}

const errorsOf = (item: unknown, defaults?: Record<string, unknown>) =>
  check([item], defaults).rejections.flatMap(({ errors }) =>
    errors.map(({ pointer, code }) => `${pointer} ${code}`),
  );

test("a good item is read by its kind, a bad one is named with all its mistakes", () => {
  const { good, rejections, size } = check([
    { account_id, text: "a" },
    { account_id: 7, text: "", run_at: "soon" },
    { account_id, kind: "tweet.delete", tweet_id: "12" },
  ]);
  expect(size).toBe(3);
  expect(good.map(({ index, fields }) => [index, fields.kind.name])).toEqual([
    [0, "tweet.create"],
    [2, "tweet.delete"],
  ]);
  expect(rejections.map(({ index, errors }) => [index, errors.length])).toEqual([[1, 3]]);
});

test("a line that is no JSON counts as an item", () => {
  const checking = checkingInto(CHECKS, NOW);
  checking.begin({});
  checking.broken();
  checking.item({ account_id, text: "a" });
  expect(checking.checked).toMatchObject({ size: 2, good: [{ index: 1 }], rejections: [{ index: 0 }] });
});

describe("defaults", () => {
  const read = (item: Record<string, unknown>, defaults: Record<string, unknown>) => {
    const { good, rejections } = check([item], defaults);
    expect(rejections).toEqual([]);
    return good[0]?.fields;
  };

  test("fill up what an item does not say, whichever form either has", () => {
    expect(read({ text: "a" }, { account_id, max_attempts: 2 })).toMatchObject({
      account_id,
      max_attempts: 2,
    });
    expect(read({ params: { text: "a" } }, { account_id })).toMatchObject({ account_id });
    expect(read({ text: "a" }, { params: { account_id } })).toMatchObject({ account_id });
    expect(read({ tweet_id: "1" }, { account_id, kind: "tweet.delete" })?.kind.name).toBe("tweet.delete");
    expect(read({ text: "a" }, { account_id, text: "b" })?.params).toMatchObject({ text: "a" });
  });

  test("say until when only where the item does not", () => {
    const expires_at = "2026-11-24T12:00:00Z";
    expect(read({ text: "a", expires_at }, { account_id, expires_after_s: 60 })).toMatchObject({
      expires_at: Date.parse(expires_at),
      expires_after_ms: undefined,
    });
    expect(read({ text: "a", expires_after_s: 60 }, { account_id, expires_at })).toMatchObject({
      expires_at: null,
      expires_after_ms: 60_000,
    });
  });

  test("with a mistake are a mistake of each item", () => {
    expect(errorsOf({ text: "a" }, { account_id, more: 1 })).toEqual(["/more unknown_field"]);
  });
});

test("a text that an account says twice is noticed, and names the first", () => {
  const other = "acc_01KAB3C4D5V1StGXR8Z5jd1";
  const texts = ["a", "a", " a ", "b"].map((text) => ({ account_id, text }));
  const { good } = check([
    ...texts,
    { account_id: other, text: "a" },
    { account_id, kind: "tweet.delete", tweet_id: "1" },
  ]);
  expect(good.map(({ noticed }) => noticed.map(({ code }) => code))).toEqual([
    [],
    ["duplicate_text"],
    ["duplicate_text"],
    [],
    [],
    [],
  ]);
  expect(good[2]?.noticed[0]?.detail).toContain("Item 0 ");
});

test("a key that was sent as a field's name is not repeated", () => {
  const secret = `tap_01KAB3C4D5V1StGXR8Z5jd0_${"s".repeat(40)}`;
  const { rejections } = check([{ account_id, text: "a", [secret]: 1 }]);
  expect(JSON.stringify(rejections)).not.toContain("ssss");
});
