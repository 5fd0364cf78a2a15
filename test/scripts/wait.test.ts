import { expect, test } from "vitest";
import { until } from "../../scripts/wait.ts";

test("until gives the first answer that is something", async () => {
  const answers = [null, undefined, false, 0];
  expect(await until("an answer", 5_000, async () => answers.shift(), 1)).toBe(0);
});

test("what never comes is named, with the last error behind it", async () => {
  const error = new Error("not there");
  const waiting = until("the thing", 20, () => Promise.reject(error), 1);
  await expect(waiting).rejects.toThrow(
    expect.objectContaining({ message: "the thing: not within 0.02 s", cause: error }),
  );
});
