import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { root } from "./wrangler.ts";

export type Step = {
  name: string;
  /** What Node runs, from the root of the project. */
  args: string[];
  /** Where it leaves vitest's JSON report. Such a step is shown while it runs, and its tests are counted one by one. */
  report?: string;
};

export type Count = { passed: number; failed: number };

/** Run a step and say how long it took, and all it wrote if it fails. */
export async function runStep(
  step: Step,
  environment: Record<string, string>,
  say: (text: string) => void = console.log,
): Promise<Count> {
  const began = Date.now();
  const { code, output } = await run(step, environment);
  say(`${code === 0 ? "✓" : "✗"} ${step.name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  if (code !== 0 && output !== "") say(output);
  return countOf(step, code);
}

function run(
  { args, report }: Step,
  environment: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: report === undefined ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (data: Buffer) => {
      output += data.toString();
    });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ code, output });
    });
  });
}

/** A step counts as one, but for its tests. A step that failed without a failed test counts as a failure all the same. */
function countOf({ report }: Step, code: number | null): Count {
  const tests = report === undefined ? null : testsIn(report);
  const { passed, failed } = tests ?? { passed: code === 0 ? 1 : 0, failed: 0 };
  return { passed, failed: code === 0 ? failed : Math.max(1, failed) };
}

function testsIn(report: string): Count | null {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, "utf8")) as {
      numPassedTests: number;
      numFailedTests: number;
    };
    return { passed: numPassedTests, failed: numFailedTests };
  } catch {
    return null;
  }
}
