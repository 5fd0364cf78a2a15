import { expect, test } from "vitest";
import { ifMatch } from "../../src/if-match.ts";
import { Problem } from "#core/lib/problem";

const ask = (header: string | null): boolean | string => {
  const request = new Request("https://proxy.test/", {
    headers: header === null ? {} : { "if-match": header },
  });
  try {
    return ifMatch(request, 7);
  } catch (error) {
    return error instanceof Problem ? error.code : "threw";
  }
};

test.each([
  ["nothing asked", null, false],
  ["its ETag", '"7"', true],
  ["one of several", '"3", "7"', true],
  ["whatever it is", "*", true],
  ["another", '"8"', "precondition_failed"],
  ["a weak one", 'W/"7"', "precondition_failed"],
  ["no ETag", "7", "precondition_failed"],
])("%s", (_, header, expected) => {
  expect(ask(header)).toBe(expected);
});
