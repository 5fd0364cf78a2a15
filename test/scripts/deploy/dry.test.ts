import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { workerSources } from "../../../scripts/configs.ts";
import { dryWrangler } from "../../../scripts/deploy/dry.ts";
import { deploy } from "../../../scripts/deploy/run.ts";
import { projectWrangler, type Answer } from "../../../scripts/deploy/wrangler.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "deploy-dry-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A dry run of everything. `real` is what builds the Workers. */
async function dryRun(
  real: (args: readonly string[]) => Promise<Answer>,
  { databases = 1, environment = {} }: { databases?: number; environment?: Record<string, string> } = {},
) {
  const said: string[] = [];
  const say = (text: string) => said.push(text);
  const wrangler = dryWrangler(real, folder, say);
  await deploy(
    { dry_run: true, replace: [], databases, free: false, location: null, account_id: "dry-run", folder },
    {
      wrangler: () => wrangler,
      environment,
      ask: () => Promise.reject(new Error("nobody is asked in a dry run")),
      say,
      fetch: () => Promise.reject(new Error("the network is not used in a dry run")),
      pause: async () => undefined,
    },
  );
  return said;
}

test("every step is said, in order, and none goes to wrangler but the building", async () => {
  const built: string[] = [];
  const said = await dryRun(
    async (args) => {
      built.push(args.join(" "));
      return { code: 0, stdout: "", stderr: "" };
    },
    { databases: 2 },
  );
  const commands = said
    .filter((line) => line.startsWith("  $ "))
    .map((line) => line.slice("  $ wrangler ".length));
  const changes = commands
    .filter((command) => !/ list\b/.test(command))
    .map((command) => command.split(" --")[0]);
  expect(changes).toEqual([
    ...["dead-letters", "media", "refresh", "tweets", "webhooks"].map((name) => `queues create tap-${name}`),
    "d1 create twitter-api-proxy",
    "d1 create twitter-api-proxy-1",
    "kv namespace create twitter-api-proxy-tokens",
    "r2 bucket create twitter-api-proxy-media",
    "r2 bucket lifecycle add twitter-api-proxy-media orphans uploads/",
    "d1 migrations apply DB",
    "d1 migrations apply DB_1",
    ...workerSources().map(() => "deploy"),
  ]);
  expect(built).toHaveLength(workerSources().length);
  for (const command of built) expect(command).toMatch(/^deploy --config \S+ --dry-run --outdir \S+$/);
});

test("no secret is said or written", async () => {
  const environment = { X_CLIENT_ID: "app-id-1", X_CLIENT_SECRET: "quiet-2" };
  const said = await dryRun(async () => ({ code: 0, stdout: "", stderr: "" }), { environment });
  expect(said.join("\n")).toContain("secret X_CLIENT_SECRET (environment): tap-producer, tap-refresh");
  expect(said.join("\n")).not.toMatch(/quiet-2|app-id-1|admin_|k1:/);
  const written = readdirSync(folder, { recursive: true, encoding: "utf8" });
  expect(written.filter((file) => file.includes("secrets"))).toEqual([]);
});

test("a Worker that does not build is told with wrangler's own words", async () => {
  const real = async () => ({ code: 1, stdout: "", stderr: "Unexpected token" });
  await expect(dryRun(real)).rejects.toThrow("Unexpected token");
});

test("the real wrangler takes the generated configs, offline", { timeout: 120_000 }, async () => {
  const nowhere = { CLOUDFLARE_API_TOKEN: "none", CLOUDFLARE_API_BASE_URL: "http://127.0.0.1:9/" };
  const real = projectWrangler(folder, null, { ...process.env, ...nowhere });
  let built = 0;
  const said = await dryRun(async (args) => {
    // One stands for all: the consumers bind what the producer does.
    if (!args.join(" ").includes("/producer/")) return { code: 0, stdout: "", stderr: "" };
    const answer = await real(args);
    expect(answer.stdout).toContain("the-id-of-twitter-api-proxy-tokens");
    expect(answer.stdout).toContain("twitter-api-proxy-media");
    expect(answer.stderr).toBe("");
    built += 1;
    return answer;
  });
  expect(built).toBe(1);
  expect(said.at(-1)).toContain("deploy --config");
});
