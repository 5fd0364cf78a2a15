import { expect, test } from "vitest";
import { createKinds } from "#core/jobs/registry";
import { done } from "#core/lib/outcome";
import { scriptedKind } from "../../support/kinds.ts";

const run = async () => done(null);
const kinds = createKinds([
  scriptedKind({ name: "a.make", lane: "makes", repeatable: false, run, reconcile: run }),
  scriptedKind({ name: "a.change", lane: "makes", repeatable: false, run }),
  scriptedKind({ name: "a.delete", lane: "deletes", repeatable: true, run }),
]);

test("a kind is found by its name, and an unknown name finds none", () => {
  expect(kinds.find("a.delete")?.lane).toBe("deletes");
  expect(kinds.find("a.sing")).toBeNull();
  expect(kinds.find("toString")).toBeNull();
});

test("what must not be done twice, and what can be looked for, follow from the kinds", () => {
  expect(kinds.unrepeatable).toEqual(["a.make", "a.change"]);
  expect(kinds.reconcilable).toEqual(["a.make"]);
  expect(kinds.all).toEqual(["a.make", "a.change", "a.delete"]);
  expect(kinds.names).toEqual(["a.make", "a.change", "a.delete"]);
});

test("a lane's queue is known by the part of its name before the colon", () => {
  expect(kinds.queueOfLane("makes:acc_1")).toBe("tweets");
  expect(kinds.queueOfLane("sings:acc_1")).toBeNull();
  expect(kinds.queueOfLane("")).toBeNull();
});

test("kinds that take turns share a lane, named once", () => {
  expect(kinds.laneNames).toEqual(["makes", "deletes"]);
});
