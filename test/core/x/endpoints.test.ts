import { expect, test } from "vitest";
import { endpoints } from "#core/x/endpoints";

test.each(Object.values(endpoints))("$name is named after its method and path", ({ name, method, path }) => {
  expect(name).toBe(`${method} ${path}`);
});

test("only creating a tweet is not repeatable", () => {
  const once = Object.values(endpoints).filter(({ repeatable }) => !repeatable);
  expect(once).toEqual([endpoints.createTweet]);
});
