import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { usage } from "../../scripts/deploy/options.ts";
import { root } from "../../scripts/wrangler.ts";

/** Run the command. Its network ends at a port where nobody listens. */
function deploy(args: string[], environment: Record<string, string> = {}) {
  const nowhere = { CLOUDFLARE_API_BASE_URL: "http://127.0.0.1:9/", CLOUDFLARE_API_TOKEN: "none" };
  return spawnSync(process.execPath, [join(root, "scripts/deploy.ts"), ...args], {
    cwd: root,
    env: { ...process.env, ...nowhere, ...environment },
    encoding: "utf8",
  });
}

test("what it does not know is answered with what it does, and nothing is done", () => {
  const { status, stdout } = deploy(["production"]);
  expect(status).toBe(1);
  expect(stdout.trim()).toBe(usage);
});

test("a setting that makes no sense ends it with a sentence", () => {
  const { status, stdout, stderr } = deploy([], { DATABASES: "0" });
  expect(status).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toBe("DATABASES must be a number from 1 to 36, not 0\n");
});
