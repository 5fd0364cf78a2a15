import { expect, test } from "vitest";
import { namespaceOf, resourcesOf, withIds, workerConfigs } from "../../../scripts/deploy/configs.ts";
import { valueOf } from "../../../scripts/toml.ts";

const options = { folder: "/far", databases: 1, free: false };
const toml = `name = "one"
[limits]
cpu_ms = 30000

[[d1_databases]]
binding = "DB"
database_name = "first"
database_id = "0"

[[d1_databases]]
binding = "DB_1"
database_name = "second"
database_id = "0"
migrations_dir = "/migrations"

[[kv_namespaces]]
binding = "TOKENS"
id = "0"

[[r2_buckets]]
binding = "MEDIA"
bucket_name = "bucket"

[[queues.producers]]
binding = "A"
queue = "queue-a"

[[queues.consumers]]
queue = "queue-b"
dead_letter_queue = "queue-c"
`;

test("what a Worker names is what its account needs, each once", () => {
  expect(resourcesOf([{ toml }, { toml }])).toEqual({
    queues: ["queue-a", "queue-b", "queue-c"],
    databases: ["first", "second"],
    namespaces: ["twitter-api-proxy-tokens"],
    buckets: ["bucket"],
  });
});

test("the ids of the account take the place of those that are checked in, and nothing else changes", () => {
  const databases = new Map([
    ["first", "id-1"],
    ["second", "id-2"],
  ]);
  const namespaces = new Map([[namespaceOf("TOKENS"), "id-3"]]);
  const text = withIds(toml, { databases, namespaces });
  expect([...text.matchAll(/"(id-\d)"/g)].map(([, id]) => id)).toEqual(["id-1", "id-2", "id-3"]);
  expect(text.replaceAll(/"id-\d"/g, '"0"')).toBe(toml);
});

test("an id that is not known stops it", () => {
  const none = { databases: new Map<string, string>(), namespaces: new Map<string, string>() };
  expect(() => withIds(toml, none)).toThrow(/The id of (first|second) is not known/);
});

test("the Workers' configs are found under the folder, the producer's first", () => {
  const [producer, ...consumers] = workerConfigs(options);
  expect(producer).toMatchObject({ name: "tap-producer", path: "/far/workers/producer/wrangler.toml" });
  expect(consumers.map(({ name }) => name)).toContain("tap-tweets");
});

test("on the Free plan they say nothing about limits, and on the other they do", () => {
  const limit = (free: boolean) =>
    workerConfigs({ ...options, free }).map((one) => one.toml.includes("cpu_ms"));
  expect(new Set(limit(true))).toEqual(new Set([false]));
  expect(new Set(limit(false))).toEqual(new Set([true]));
});

test("only the producer has an address that everybody knows", () => {
  for (const { name, toml: text } of workerConfigs(options)) {
    const shown = /^workers_dev = false$/m.test(text) ? "no" : "yes";
    expect(`${name} ${shown}`).toBe(`${name} ${name === "tap-producer" ? "yes" : "no"}`);
    expect(text).toMatch(/^preview_urls = false$/m);
    expect(valueOf(text, "", "compatibility_date")).not.toBeNull();
  }
});
