import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { workerSources } from "./configs.ts";
import { runStep, type Step } from "./steps.ts";
import { root, wranglerEnvironment, wranglerPath } from "./wrangler.ts";

const folder = mkdtempSync(join(tmpdir(), "twitter-api-proxy-test-"));
const tool = (path: string): string => join("node_modules", path);
const report = join(folder, "vitest.json");
const projects = readdirSync(root)
  .filter((file) => /^tsconfig.*\.json$/.test(file))
  .sort();
const environment = { ...wranglerEnvironment(folder), WRANGLER_LOG: "error" };

/** `npm test`: everything that must hold before a change is taken. */
const steps: Step[] = [
  { name: "formatted", args: [tool("prettier/bin/prettier.cjs"), "--check", "."] },
  { name: "linted", args: [tool("eslint/bin/eslint.js"), "."] },
  ...projects.map((file) => ({ name: `typed by ${file}`, args: [tool("typescript/bin/tsc"), "-p", file] })),
  {
    name: "tested",
    args: [
      ...[tool("vitest/vitest.mjs"), "run", "--reporter=default", "--reporter=json"],
      `--outputFile.json=${report}`,
    ],
    report,
  },
  ...workerSources().map(({ name, path }) => ({
    name: `${name} builds`,
    args: [wranglerPath, "deploy", "--dry-run", "--config", path, "--outdir", join(folder, name)],
  })),
];

let passed = 0;
let failed = 0;
for (const step of steps) {
  const count = await runStep(step, environment);
  passed += count.passed;
  failed += count.failed;
  if (failed > 0) break;
}
rmSync(folder, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
