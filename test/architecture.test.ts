import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, normalize } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { steps } from "#core/lib/lifecycle";
import { problems } from "#core/lib/problem";
import { readToml } from "./support/toml.ts";

// The rules of the house, which no single file can keep by itself.

const root = join(import.meta.dirname, "..");

const filesIn = (folder: string, ending = ".ts"): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((file) => join(folder, file))
    .filter((file) => file.endsWith(ending) && !/(^|\/)(dist|node_modules|\.wrangler)\//.test(file))
    .sort();

const read = (file: string): string => readFileSync(join(root, file), "utf8");

/** A file's code without its comments. */
const codeOf = (file: string): string => read(file).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");

const sources = ["core", "src", "consumers", "simulator"].flatMap((folder) => filesIn(folder));
const ours = sources.filter((file) => !file.startsWith("simulator/"));

describe("arrows go one way", () => {
  /** The room a file is in: a folder of core, or a door. */
  const roomOf = (file: string): string =>
    /^(core|consumers)\//.test(file) ? file.split("/").slice(0, 2).join("/") : (file.split("/")[0] ?? "");

  const below = ["core/lib"];
  const rooms: Record<string, string[]> = {
    "core/lib": below,
    "core/store": ["core/store", ...below],
    "core/x": ["core/x", ...below],
    // What happens to an account is told in the batch that makes it happen.
    "core/accounts": ["core/accounts", "core/x", "core/webhooks", "core/store", ...below],
    "core/media": ["core/media", "core/x", "core/store", ...below],
    "core/webhooks": ["core/webhooks", "core/store", ...below],
  };
  const core = [...Object.keys(rooms), "core/jobs"];
  rooms["core/jobs"] = core;
  const mayEnter = (room: string): string[] =>
    rooms[room] ?? (room === "simulator" ? [room] : [room, ...core]);

  const importsOf = (file: string): string[] =>
    [...codeOf(file).matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].flatMap(([, name = ""]) => {
      if (name.startsWith("#core/")) return [`${name.slice(1)}.ts`];
      return name.startsWith(".") ? [normalize(join(file, "..", name))] : [];
    });

  test.each(sources)("%s imports only what lies below it", (file) => {
    const allowed = mayEnter(roomOf(file));
    expect(importsOf(file).filter((other) => !allowed.includes(roomOf(other)))).toEqual([]);
  });

  test("what is imported is there", () => {
    const files = new Set(sources);
    expect(sources.flatMap(importsOf).filter((file) => !files.has(file))).toEqual([]);
  });
});

test("SQL stands in core/store alone", () => {
  const elsewhere = ours.filter(
    (file) => !file.startsWith("core/store/") && codeOf(file).includes(".prepare("),
  );
  expect(elsewhere).toEqual([]);
});

test("the network is used by the client of X and for webhooks; whoever starts a Worker passes it in", () => {
  const passedIn = "(request, init) => fetch(request, init)";
  const calls = ours.filter((file) =>
    /(?<![.\w]|async )fetch\((?!\w+: )/.test(codeOf(file).replaceAll(passedIn, "")),
  );
  expect(calls).toEqual(["core/webhooks/deliver.ts", "core/x/client.ts"]);
});

describe("each source file has its test at the mirrored place", () => {
  const exports = /^export (const|function|async function|class|default|let)\b/m;
  const tested = sources.filter((file) => !file.endsWith(".d.ts") && exports.test(codeOf(file)));

  test.each(tested)("%s", (file) => {
    // A consumer is its folder: consumers/tweets/index.ts is tested by test/consumers/tweets.test.ts.
    const name = file.startsWith("consumers/") ? file.replace("/index.ts", ".ts") : file;
    const mirror = join("test", name.replace(/\.ts$/, ".test.ts"));
    expect(filesIn(join("test", file.split("/")[0] ?? ""))).toContain(mirror);
  });
});

test.each([...sources, ...filesIn("scripts")])("%s fits in 250 lines", (file) => {
  expect(read(file).trimEnd().split("\n").length).toBeLessThanOrEqual(250);
});

test("every problem that can be said is said somewhere", () => {
  const said = ours.filter((file) => file !== "core/lib/problem.ts").map(codeOf);
  const silent = Object.keys(problems).filter((code) => !said.some((text) => text.includes(`"${code}"`)));
  expect(silent).toEqual([]);
});

test("docs/stops.md tells of every kind that X is asked for where a Worker may die on it", () => {
  const parts = [...read("docs/stops.md").matchAll(/^## ([a-z]+\.[a-z]+)$/gm)].map(([, name]) => name);
  const asked = filesIn("core/jobs/kinds").filter((file) => !read(file).includes("\n  internal: true,\n"));
  const kinds = asked.flatMap((file) => /^ {2}name: "(.+)",$/m.exec(read(file))?.[1] ?? []);
  expect(parts.sort()).toEqual(kinds.sort());
});

test("the migrations, all applied, make the schema as it is written down", async () => {
  const db = new DatabaseSync(":memory:");
  for (const file of filesIn("migrations", ".sql")) db.exec(read(file));
  const rows = db
    .prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY tbl_name, type DESC, name")
    .all() as { sql: string }[];
  await expect(rows.map(({ sql }) => `${sql};\n`).join("\n")).toMatchFileSnapshot("schema.snap.sql");
});

test("migrations are numbered without a gap, and each says why it is", () => {
  const files = filesIn("migrations", ".sql");
  expect(files.map((file) => Number(/\/(\d{4})_[a-z_]+\.sql$/.exec(file)?.[1]))).toEqual(
    files.map((_, i) => i + 1),
  );
  for (const file of files) expect(read(file)).toMatch(/^-- [A-Z].*\./);
});

describe("the Workers agree", () => {
  type Binding = {
    binding: string;
    database_id?: string;
    migrations_dir?: string;
    id?: string;
    bucket_name?: string;
  };
  type QueueConsumer = { queue: string; dead_letter_queue?: string } & Record<string, unknown>;
  type Config = {
    name: string;
    main: string;
    compatibility_date: string;
    compatibility_flags: string[];
    limits?: { cpu_ms?: number };
    observability?: { enabled?: boolean; redact_query_string?: boolean };
    d1_databases?: Binding[];
    kv_namespaces?: Binding[];
    r2_buckets?: Binding[];
    queues?: { producers?: { binding: string; queue: string }[]; consumers?: QueueConsumer[] };
  };
  const files = ["wrangler.toml", ...filesIn("consumers", "wrangler.toml")];
  const configs = files.map((file) => readToml(read(file)) as Config);
  const workers = configs.map((config, index) => ({ file: files[index] ?? "", config }));
  const consumed = configs.flatMap(({ queues }) => queues?.consumers ?? []);
  const produced = new Set(
    configs.flatMap(({ queues }) => (queues?.producers ?? []).map(({ queue }) => queue)),
  );

  test.each(workers)(
    "$file names its Worker, an entry that is there, its limits and its watching",
    ({ file, config }) => {
      expect(config.name).toMatch(/^tap-[a-z-]+$/);
      expect(sources).toContain(normalize(join(file, "..", config.main)));
      expect(config.compatibility_date).toBe(configs[0]?.compatibility_date);
      expect(config.compatibility_flags).toContain("global_fetch_strictly_public");
      expect(config.limits?.cpu_ms).toBeGreaterThan(0);
      expect(config.observability).toEqual({ enabled: true, redact_query_string: true });
    },
  );

  test("invocation logs hold no OAuth code: it comes in a query, and every Worker says that queries are redacted", () => {
    // All there are but that of the tests, which is never deployed, and generated ones: one that is added is looked at, too.
    const all = filesIn(".", "wrangler.toml").filter((file) => !/^(test\/|\.)/.test(file));
    expect(all).toEqual([...files].sort());
    for (const file of all) {
      const { observability, ...config } = readToml(read(file)) as Config & Record<string, unknown>;
      // Neither may logs or traces have settings of their own, nor may whole events go elsewhere.
      expect(observability, file).toEqual({ enabled: true, redact_query_string: true });
      for (const key of ["logpush", "tail_consumers", "streaming_tail_consumers", "env"])
        expect(config[key], `${key} in ${file}`).toBeUndefined();
    }
  });

  test("the tests run with the same compatibility date", () => {
    expect(readToml(read("test/support/wrangler.toml")).compatibility_date).toBe(
      configs[0]?.compatibility_date,
    );
  });

  test("no two have the same name, and a consumer is named after its folder", () => {
    expect(new Set(configs.map(({ name }) => name)).size).toBe(configs.length);
    for (const { file, config } of workers.slice(1))
      expect(config.name).toBe(`tap-${file.split("/")[1] ?? ""}`);
  });

  test.each(["d1_databases", "kv_namespaces", "r2_buckets"] as const)(
    "a binding in %s is the same thing everywhere",
    (kind) => {
      const ids = configs
        .flatMap((config) => config[kind] ?? [])
        .map((one) => `${one.binding} ${one.database_id ?? one.id ?? one.bucket_name ?? ""}`);
      expect(new Set(ids).size).toBe(new Set(ids.map((id) => id.split(" ")[0])).size);
    },
  );

  test("the producer alone owns the migrations", () => {
    const owners = workers.filter(({ config }) =>
      config.d1_databases?.some(({ migrations_dir }) => migrations_dir),
    );
    expect(owners.map(({ file }) => file)).toEqual(["wrangler.toml"]);
  });

  test("a queue's binding is the same queue everywhere", () => {
    const pairs = configs
      .flatMap(({ queues }) => queues?.producers ?? [])
      .map(({ binding, queue }) => `${binding} ${queue}`);
    expect(new Set(pairs).size).toBe(produced.size);
  });

  test("every queue that is filled, or that dead letters go to, has exactly one consumer", () => {
    const dead = consumed.flatMap(({ dead_letter_queue }) =>
      dead_letter_queue === undefined ? [] : [dead_letter_queue],
    );
    for (const queue of new Set([...produced, ...dead]))
      expect(consumed.filter((one) => one.queue === queue).map((one) => one.queue)).toEqual([queue]);
  });

  test.each(consumed)("the consumer of $queue says how it takes its batches", (consumer) => {
    const isLast = consumed.some(({ dead_letter_queue }) => dead_letter_queue === consumer.queue);
    const wanted = ["max_batch_size", "max_batch_timeout", "max_retries", "max_concurrency"];
    expect(Object.keys(consumer)).toEqual(
      expect.arrayContaining(isLast ? wanted : [...wanted, "dead_letter_queue"]),
    );
    expect(Number(consumer.max_batch_size)).toBeLessThanOrEqual(isLast ? 25 : 10);
  });
});

test("docs/lifecycle.md draws exactly the steps of the lifecycle table", () => {
  const drawn = [...read("docs/lifecycle.md").matchAll(/^ {2}(\w+) --> (\w+): (\w+)$/gm)].map(
    ([, from, to, step]) => `${from ?? ""} --> ${to ?? ""}: ${step ?? ""}`,
  );
  const wanted = Object.entries(steps)
    .filter(([name]) => name !== "requestCancel")
    .flatMap(([name, { from, to }]) =>
      from.flatMap((one) => to.map((other) => `${one} --> ${other}: ${name}`)),
    );
  expect(drawn.sort()).toEqual(wanted.sort());
});

describe("documents name what is there", () => {
  const pages = ["README.md", ...filesIn("docs", ".md")];

  test.each(pages)("every file that %s names exists", (page) => {
    const rooms = "core|src|consumers|migrations|test|scripts|simulator|bench|docs";
    const named = [
      ...read(page).matchAll(new RegExp(`\`((?:${rooms})/[\\w./-]+\\.(?:ts|sql|md|toml|json))\``, "g")),
    ];
    const missing = named.map(([, file = ""]) => file).filter((file) => !existsSync(join(root, file)));
    expect(missing).toEqual([]);
  });

  test.each(pages)("every page that %s links to exists", (page) => {
    const linked = [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, file = ""]) => file);
    expect(linked.filter((file) => !existsSync(join(root, page, "..", file)))).toEqual([]);
  });

  const tables = [...read("test/schema.snap.sql").matchAll(/CREATE TABLE "?(\w+)/g)].map(
    ([, name = ""]) => name,
  );

  test("docs/storage.md has a line for every table, and for no other", () => {
    const told = [...read("docs/storage.md").matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
    expect(told.toSorted()).toEqual(tables.toSorted());
  });
});
