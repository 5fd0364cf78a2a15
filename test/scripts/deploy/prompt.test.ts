import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { askHidden } from "../../../scripts/deploy/prompt.ts";

function terminal() {
  const input = new PassThrough();
  const output = new PassThrough();
  let shown = "";
  output.on("data", (data: Buffer) => (shown += data.toString()));
  return { input, output, shown: () => shown };
}

test("what is typed is taken, and not shown", async () => {
  const there = terminal();
  const typed = askHidden("X_CLIENT_SECRET: ", there);
  there.input.write(" hush-hush \r");
  expect(await typed).toBe("hush-hush");
  expect(there.shown()).toBe("X_CLIENT_SECRET: \n");
});

test("Ctrl-C stops it", async () => {
  const there = terminal();
  const typed = askHidden("X_CLIENT_SECRET: ", there);
  there.input.write("hush\u0003");
  await expect(typed).rejects.toThrow("stopped");
});

test("an input that ends is an empty answer", async () => {
  const there = terminal();
  const typed = askHidden("X_CLIENT_SECRET: ", there);
  there.input.end();
  expect(await typed).toBe("");
});
