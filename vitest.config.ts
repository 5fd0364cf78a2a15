import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const migrations = await readD1Migrations("migrations");

export default defineConfig({
  test: {
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
