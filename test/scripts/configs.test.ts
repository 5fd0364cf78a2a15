import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { localized, workerSources, writeConfigs, type LocalConfig } from "../../scripts/configs.ts";
import { tablesOf, valueOf } from "../../scripts/toml.ts";
import { root } from "../../scripts/wrangler.ts";

const secrets = {
  TOKEN_KEYS: "k1:ring",
  SESSION_KEYS: "s1:ring",
  WEBHOOK_KEYS: "w1:ring",
  ADMIN_KEY: "it's secret",
  X_CLIENT_ID: "client",
  X_CLIENT_SECRET: null,
};
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "configs-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function write(more: Partial<LocalConfig> = {}) {
  const config = { state_dir: folder, vars: {}, extra_vars: {}, secrets, databases: 1, ...more };
  const paths = writeConfigs(config);
  const text = (path: string): string => readFileSync(path, "utf8");
  return {
    paths,
    toml: (worker: string) => text(join(folder, "workers", worker, "wrangler.toml")),
    secrets: (worker: string) => text(join(folder, "workers", worker, ".dev.vars")),
  };
}

test("there is a config for every Worker, the producer's first, with its program where it stands", () => {
  const { paths, toml } = write();
  expect(paths).toHaveLength(workerSources().length);
  expect(paths[0]).toBe(join(folder, "workers/producer/wrangler.toml"));
  expect(valueOf(toml("producer"), "", "main")).toBe(join(root, "src/index.ts"));
  expect(valueOf(toml("tweets"), "", "main")).toBe(join(root, "consumers/tweets/index.ts"));
  expect(toml("producer")).toContain(`migrations_dir = "${join(root, "migrations")}"`);
});

test("nothing else differs from what is deployed", () => {
  const { toml } = write();
  for (const { name, path } of workerSources()) {
    const source = readFileSync(path, "utf8").split("\n");
    const changed = toml(name)
      .split("\n")
      .filter((line) => !source.includes(line));
    expect(changed.every((line) => /^(main|migrations_dir) = /.test(line))).toBe(true);
  }
});

describe("variables", () => {
  test("are changed in the Workers that have them, and in no other", () => {
    const { toml } = write({ vars: { X_API_URL: "http://x.test", X_CONCURRENCY: "50" } });
    expect(valueOf(toml("producer"), "vars", "X_API_URL")).toBe("http://x.test");
    expect(valueOf(toml("producer"), "vars", "X_CONCURRENCY")).toBeNull();
    expect(valueOf(toml("tweets"), "vars", "X_CONCURRENCY")).toBe("50");
  });

  test("of all Workers are added where they are missing", () => {
    const { toml } = write({ extra_vars: { TIME_SCALE: "10" } });
    for (const { name } of workerSources()) expect(valueOf(toml(name), "vars", "TIME_SCALE")).toBe("10");
  });
});

describe("secrets", () => {
  test("stand beside the configs, for their owner alone, and each Worker has only its own", () => {
    const { secrets: of, toml } = write();
    expect(of("producer")).toBe(
      `TOKEN_KEYS='k1:ring'\nSESSION_KEYS='s1:ring'\nWEBHOOK_KEYS='w1:ring'\nADMIN_KEY="it's secret"\nX_CLIENT_ID='client'\n`,
    );
    expect(of("tweets")).toBe("TOKEN_KEYS='k1:ring'\n");
    expect(of("webhooks")).toBe("WEBHOOK_KEYS='w1:ring'\n");
    expect(of("refresh")).toBe("TOKEN_KEYS='k1:ring'\nX_CLIENT_ID='client'\n");
    expect(of("dead-letters")).toBe("");
    expect(of("dead-letters")).toBe("");
    expect(statSync(join(folder, "workers/tweets/.dev.vars")).mode & 0o777).toBe(0o600);
    for (const { name } of workerSources()) expect(toml(name)).not.toMatch(/(k1|s1):ring/);
  });

  test("that no quotes can hold are refused", () => {
    const broken = { ...secrets, ADMIN_KEY: "two\nlines" };
    expect(() => write({ secrets: broken })).toThrow("ADMIN_KEY");
  });
});

test("a second database is bound in every Worker that has the first, under a name and id of its own", () => {
  const { paths, toml } = write({ databases: 2 });
  for (const path of paths) {
    const tables = tablesOf(readFileSync(path, "utf8"), "d1_databases").map((table) => `\n${table}\n`);
    const [one, two] = tables;
    expect(tables, dirname(path)).toHaveLength(2);
    expect(two).toContain('binding = "DB_1"');
    expect(two).toContain('database_name = "twitter-api-proxy-1"');
    expect(/database_id = "(.*)"/.exec(two ?? "")?.[1]).not.toBe(/database_id = "(.*)"/.exec(one ?? "")?.[1]);
  }
  expect(toml("producer").match(/migrations_dir/g)).toHaveLength(2);
});

test("a database that is bound already is not bound twice", () => {
  const producer = workerSources()[0];
  const folder_ = dirname(producer?.path ?? "");
  const config = { state_dir: folder, vars: {}, extra_vars: {}, secrets, databases: 2 };
  const once = localized(readFileSync(producer?.path ?? "", "utf8"), folder_, config);
  expect(localized(once, folder_, config)).toBe(once);
  expect(tablesOf(once, "d1_databases")).toHaveLength(2);
});
