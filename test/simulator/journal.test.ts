import { expect, test } from "vitest";
import { factOf, lineOf } from "../../simulator/journal.ts";
import type { Fact } from "../../simulator/world.ts";

test.each<Fact>([
  { type: "tweet.deleted", id: "7", at: 5 },
  { type: "media.appended", id: "7", index: 2, bytes: new Uint8Array([0, 255, 10]) },
])("the fact $type comes back from its line", (fact) => {
  const line = lineOf(fact);
  expect(line).not.toContain("\n");
  expect(factOf(line)).toEqual(fact);
});

test.each(["", "  ", '{"type":"tweet.del'])("the line %j holds no fact", (line) => {
  expect(factOf(line)).toBeNull();
});
