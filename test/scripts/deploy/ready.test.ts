import { expect, test } from "vitest";
import { untilReady } from "../../../scripts/deploy/ready.ts";

/** An installation that gives these answers, one after the other, and the last one ever after. */
function installation(...answers: (number | "gone")[]) {
  const asked: string[] = [];
  const said: string[] = [];
  let pauses = 0;
  return {
    asked,
    said,
    pauses: () => pauses,
    say: (text: string) => said.push(text),
    pause: async () => {
      pauses += 1;
    },
    fetch: async (url: string) => {
      const answer = answers[Math.min(asked.length, answers.length - 1)] ?? "gone";
      asked.push(url);
      if (answer === "gone") throw new Error("no such host");
      return new Response("TOKEN_KEYS is missing", { status: answer });
    },
  };
}

test("it is asked until it is ready", async () => {
  const there = installation("gone", 503, 200);
  await untilReady("https://proxy.test/", there);
  expect(there.asked).toEqual(Array(3).fill("https://proxy.test/readyz"));
  expect(there.pauses()).toBe(2);
  expect(there.said.join()).toContain("is ready");
});

test("what it says is told when it does not become ready", async () => {
  const there = installation(503);
  await expect(untilReady("https://proxy.test", there)).rejects.toThrow("503 TOKEN_KEYS is missing");
  expect(there.asked.length).toBeGreaterThan(10);
});

test("without an address nobody is asked", async () => {
  const there = installation(200);
  await untilReady(null, there);
  expect(there.asked).toEqual([]);
  expect(there.said.join()).toContain("/readyz");
});
