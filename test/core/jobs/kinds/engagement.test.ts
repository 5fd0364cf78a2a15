import { expect, test } from "vitest";
import { engagement } from "#core/jobs/kinds/engagement";
import { readPrices } from "#core/x/prices";

const like = engagement({
  name: "like.create",
  lane: "likes",
  scope: "like.write",
  tweet: "Which.",
  price: "interaction",
  act: async () => true,
  flag: "liked",
  wanted: true,
});

test("a kind has what it was given, its window by its lane, and may be done twice", () => {
  expect(like).toMatchObject({
    name: "like.create",
    lane: "likes",
    endpoint: "POST /2/users/:id/likes",
    scopes: ["tweet.read", "users.read", "like.write"],
    ordered: true,
    repeatable: true,
  });
});

test("its price is the one it names", () => {
  const prices = readPrices('{"interaction": 7}', "");
  expect(like.cost?.(like.params.parse(like.example), prices)).toBe(7);
});
