import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { newId } from "#core/lib/ids";
import { chooseShard, shard, shards } from "#core/store/shard";

const two = { DB: env.DB, DB_1: env.DB_1 };
const one = { DB: env.DB };

test("an id lives on the database that its last character names", () => {
  expect(shard(two, newId("acc", "0", 0)) === env.DB).toBe(true);
  expect(shard(two, newId("job", "1", 0)) === env.DB_1).toBe(true);
  expect(shard({ ...one, DB_35: env.DB_1 }, "acc_z") === env.DB_1).toBe(true);
});

test.each(["acc_1", "acc_Z", "acc_-", ""])("%j lives nowhere that is bound", (id) => {
  expect(shard(one, id) === null).toBe(true);
});

test("the bound databases are known, the first one first", () => {
  expect(shards(one)).toEqual(["0"]);
  expect(shards({ ...two, DB_10: env.DB })).toEqual(["0", "1", "a"]);
});

describe("what is new", () => {
  test("goes to the same database each time, for the same text", () => {
    expect(chooseShard(two, "12345")).toBe(chooseShard(two, "12345"));
    expect(chooseShard(one, "12345")).toBe("0");
  });

  test("is spread evenly", () => {
    const first = Array.from({ length: 1000 }, (_, i) => chooseShard(two, `19000000${i}`)).filter(
      (s) => s === "0",
    );
    expect(first.length).toBeGreaterThan(400);
    expect(first.length).toBeLessThan(600);
  });
});
