import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runStep } from "../../scripts/steps.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "steps-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const said: string[] = [];
const step = (code: string, report?: string) => {
  const one = { name: "a step", args: ["-e", code], ...(report !== undefined && { report }) };
  return runStep(one, {}, (text) => said.push(text));
};
const writing = (path: string, passed: number, failed: number): string =>
  `fs.writeFileSync(${JSON.stringify(path)}, '{"numPassedTests":${passed},"numFailedTests":${failed}}');`;

test("a step counts as one, passed or failed", async () => {
  expect(await step("")).toEqual({ passed: 1, failed: 0 });
  expect(await step("console.log('why'); process.exit(3)")).toEqual({ passed: 0, failed: 1 });
});

test("a step says how long it took, and what it wrote only when it failed", async () => {
  said.length = 0;
  await step("console.log('fine')");
  await step("console.log('why'); process.exit(3)");
  expect(said).toEqual([
    expect.stringMatching(/^✓ a step \(\d+\.\d s\)$/),
    expect.stringMatching(/^✗ a step \(\d+\.\d s\)$/),
    "why\n",
  ]);
});

test("a step of tests counts each of them", async () => {
  const report = join(folder, "report.json");
  expect(await step(writing(report, 5, 0), report)).toEqual({ passed: 5, failed: 0 });
  expect(await step(`${writing(report, 3, 2)} process.exit(1)`, report)).toEqual({ passed: 3, failed: 2 });
});

test("a step of tests that fails without a failed test has failed all the same", async () => {
  const report = join(folder, "other.json");
  expect(await step(`${writing(report, 5, 0)} process.exit(1)`, report)).toEqual({ passed: 5, failed: 1 });
  expect(await step("process.exit(1)", join(folder, "never.json"))).toEqual({ passed: 0, failed: 1 });
});
