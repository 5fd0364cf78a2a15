import { expect, test } from "vitest";
import type { Kind } from "#core/jobs/define";
import { allKinds, kinds } from "#core/jobs/kinds/index";

const files = import.meta.glob<Record<string, unknown>>("../../../../core/jobs/kinds/*.ts", { eager: true });

test("every kind that is written is in the list", () => {
  const written = Object.values(files)
    .flatMap((module) => Object.values(module))
    .filter((value) => typeof value === "object" && value !== null && "repeatable" in value)
    .map((kind) => (kind as Kind).name);
  expect([...allKinds.all].sort()).toEqual(written.sort());
});

test("no two kinds have the same name, and the engine finds each", () => {
  expect(new Set(kinds.map(({ name }) => name)).size).toBe(kinds.length);
  for (const kind of kinds) expect(allKinds.find(kind.name)).toBe(kind);
});

test("posting a tweet or a thread is never repeated, deleting a tweet may be", () => {
  expect(allKinds.unrepeatable).toEqual(["tweet.create", "thread.create"]);
  expect(allKinds.find("tweet.delete")?.repeatable).toBe(true);
});
