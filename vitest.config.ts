import { availableParallelism } from "node:os";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const migrations = await readD1Migrations("migrations");

export default defineConfig({
  test: {
    // Of two cores, one would wait: a file is at times in workerd and at times in Node.
    maxWorkers: Math.max(2, availableParallelism()),
    projects: [
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./test/support/wrangler.toml" },
            miniflare: { bindings: { MIGRATIONS: migrations } },
          }),
        ],
        test: {
          name: "workers",
          // Files share a Worker: to load all modules anew for each takes five times as long as the tests.
          isolate: false,
          // Days of virtual time take seconds, and on a busy machine more.
          testTimeout: 30_000,
          include: ["test/{core,src,consumers}/**/*.test.ts"],
          setupFiles: ["test/support/setup.ts"],
        },
      },
      {
        test: {
          name: "node",
          testTimeout: 30_000,
          include: ["test/{simulator,scripts,virtual,docs,bench}/**/*.test.ts", "test/architecture.test.ts"],
        },
      },
      {
        test: {
          name: "flows",
          include: ["test/flows/**/*.test.ts"],
          setupFiles: ["test/flows/described.ts"],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
