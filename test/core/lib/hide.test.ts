import { describe, expect, test } from "vitest";
import { hide, hideRuns } from "#core/lib/hide";

const SECRET = "Zk3/q.W~9x&Rt5!vB7+nM2=pL4";

describe("a secret is hidden", () => {
  test.each<[string, (secret: string) => string]>([
    ["as it is", (secret) => secret],
    ["in part: its beginning", (secret) => secret.slice(0, 14)],
    ["in part: its middle", (secret) => secret.slice(5, 17)],
    ["in part: its end", (secret) => secret.slice(-12)],
    ["in a URL", encodeURIComponent],
    ["in a form", (secret) => new URLSearchParams({ secret }).toString().slice("secret=".length)],
    ["in base64", (secret) => btoa(secret).replace(/..=+$|.$/, "")],
    ["in base64url", (secret) => btoa(secret).replaceAll("+", "-").replaceAll("/", "_").slice(0, -4)],
    ["twice", (secret) => secret + secret],
  ])("%s", (_, form) => {
    expect(hide(`X says: "${form(SECRET)}" is bad`, [SECRET])).toBe('X says: "[removed]" is bad');
    expect(hide(form(SECRET), ["another-secret", SECRET])).toBe("[removed]");
  });

  test.each([0, 1, 2, 3])("in the base64 of a text that it stands in, after %i bytes", (before) => {
    const encoded = btoa(`${"a".repeat(before)}${SECRET}zzz`);
    const hidden = hide(encoded, [SECRET]);
    expect(hidden).toMatch(/^.{0,5}\[removed\].{0,8}$/);
  });

  test("wherever it stands, and what is between stays", () => {
    expect(hide(`a ${SECRET} b ${SECRET}`, [SECRET])).toBe("a [removed] b [removed]");
    expect(hide(SECRET, [SECRET, SECRET])).toBe("[removed]");
  });

  test("with its quotes escaped, in JSON", () => {
    const secret = 'a"b\\c"d-e"f';
    expect(hide(JSON.stringify({ secret }), [secret])).toBe('{"secret":"[removed]"}');
  });

  test("also a short one, as a whole", () => {
    expect(hide("is hunter22 right?", ["hunter22"])).toBe("is [removed] right?");
    expect(hide("is hunter2 right?", ["hunter22"])).toBe("is hunter2 right?");
  });
});

test("what is no secret stays: other words, and secrets too short to be any", () => {
  const words = "Value passed for the token was invalid.";
  expect(hide(words, [SECRET, "", "token", "a"])).toBe(words);
  expect(hide(words, [])).toBe(words);
});

test("a secret that is no well-formed text hides nothing else and breaks nothing", () => {
  expect(hide("as it was", ["\ud800".repeat(20)])).toBe("as it was");
});

describe("long runs", () => {
  test("are hidden, whoever's they are", () => {
    expect(hideRuns(`key tap_${"a".repeat(23)}_${"b".repeat(40)}.`)).toBe("key [removed].");
    expect(hideRuns(`/v1/keys/${"a".repeat(30)}/x`, "removed")).toBe("/v1/keys/removed/x");
  });

  test("are longer than our ids and than words", () => {
    const words = "acc_01KAB3C4D5V1StGXR8Z5jd0: SQLITE_CONSTRAINT_PRIMARYKEY at /v1/accounts";
    expect(hideRuns(words)).toBe(words);
  });
});
