import { expect, test } from "vitest";
import { waitOf } from "../../src/prefer.ts";

test.each([
  ["wait=30", 30],
  ["wait=0", 0],
  ["wait=60", 60],
  ["wait=61", 60],
  ["wait=999", 60],
  [`wait=${"9".repeat(400)}`, 60],
  ["Wait=7", 7],
  ["respond-async, wait=10", 10],
  ["respond-async,wait=10", 10],
  ["wait=10, respond-async", 10],
  ["handling=lenient; foo; wait=5", 5],
  ["", null],
  ["wait", null],
  ["wait=", null],
  ["wait=-1", null],
  ["wait=1.5", null],
  ["wait=1e3", null],
  ["wait=soon", null],
  ["wait=10x", null],
  ["await=10", null],
  ["x-wait=10", null],
  ["return=minimal", null],
])("Prefer: %s waits %s", (prefer, seconds) => {
  expect(waitOf(new Request("https://proxy.test/", { headers: { prefer } }))).toBe(seconds);
});

test("without the header nobody waits", () => {
  expect(waitOf(new Request("https://proxy.test/"))).toBeNull();
});
