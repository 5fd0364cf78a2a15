import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectWrangler, run } from "../../../scripts/deploy/wrangler.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "deploy-wrangler-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test("the project's own wrangler is run, and what it prints is handed back", async () => {
  const { version } = (await import("wrangler/package.json", { with: { type: "json" } })).default;
  expect((await run(projectWrangler(folder, null, process.env), ["--version"])).trim()).toBe(version);
});

test("one that fails is told with its command and its words", { timeout: 60_000 }, async () => {
  const wrangler = projectWrangler(folder, null, process.env);
  await expect(run(wrangler, ["queues", "no-such-command"])).rejects.toThrow(
    /wrangler queues no-such-command ended with 1[\s\S]*Unknown argument/,
  );
});
