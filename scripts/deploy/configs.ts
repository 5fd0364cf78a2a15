import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { localized, workerSources } from "../configs.ts";
import { writePrivate } from "../secrets.ts";
import { changeTables, tablesOf, valueOf, withoutSection } from "../toml.ts";

/** A Worker as it is to be deployed: the folder it is named after, its name at Cloudflare, its config's path and text. */
export type WorkerConfig = { folder: string; name: string; path: string; toml: string };

export type ConfigOptions = {
  /** Where the configs are written, each into a folder of its own. */
  folder: string;
  /** How many databases are bound: DB, DB_1, … */
  databases: number;
  /** Leave out what the Workers Free plan refuses. */
  free: boolean;
};

/** The Workers as checked in, but readable from elsewhere, and with as many databases. The producer is the first. */
export function workerConfigs({ folder, databases, free }: ConfigOptions): WorkerConfig[] {
  return workerSources().map((source) => {
    const local = { state_dir: folder, vars: {}, extra_vars: {}, secrets: nobodys, databases };
    const toml = localized(readFileSync(source.path, "utf8"), dirname(source.path), local);
    return {
      folder: source.name,
      name: valueOf(toml, "", "name") ?? "",
      path: join(folder, "workers", source.name, "wrangler.toml"),
      toml: free ? withoutSection(toml, "limits") : toml,
    };
  });
}

/** They are no part of these configs. */
const nobodys = {
  TOKEN_KEYS: null,
  SESSION_KEYS: null,
  WEBHOOK_KEYS: null,
  ADMIN_KEY: null,
  X_CLIENT_ID: null,
  X_CLIENT_SECRET: null,
};

/** What the Workers name, and an account must have before they can be deployed. */
export type Resources = { queues: string[]; databases: string[]; namespaces: string[]; buckets: string[] };

export function resourcesOf(workers: readonly Pick<WorkerConfig, "toml">[]): Resources {
  const all = workers.map(({ toml }) => toml).join("\n");
  const values = (key: string): string[] => [
    ...new Set([...all.matchAll(new RegExp(`^${key} = "(.*)"$`, "gm"))].map(([, value = ""]) => value)),
  ];
  const bindings = tablesOf(all, "kv_namespaces").map((table) => textIn(table, "binding"));
  return {
    queues: [...values("queue"), ...values("dead_letter_queue")].filter(first).sort(),
    databases: values("database_name"),
    namespaces: [...new Set(bindings)].map(namespaceOf),
    buckets: values("bucket_name"),
  };
}

const first = <Value>(value: Value, index: number, values: readonly Value[]): boolean =>
  values.indexOf(value) === index;

/** The title of a binding's namespace: wrangler.toml names only its id. */
export const namespaceOf = (binding: string): string => `twitter-api-proxy-${binding.toLowerCase()}`;

/** What Cloudflare calls the databases, by name, and the namespaces, by title. */
export type Ids = { databases: ReadonlyMap<string, string>; namespaces: ReadonlyMap<string, string> };

/** Write the configs with the account's own ids. */
export function writeWorkerConfigs(workers: readonly WorkerConfig[], ids: Ids): void {
  for (const { path, toml } of workers) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writePrivate(path, withIds(toml, ids));
  }
}

/** A config with the ids of an account in place of those that are checked in. */
export function withIds(toml: string, { databases, namespaces }: Ids): string {
  const text = changeTables(toml, "d1_databases", (table) =>
    table.replace(/^database_id = ".*"$/m, () => {
      const name = textIn(table, "database_name");
      return `database_id = "${known(databases, name)}"`;
    }),
  );
  return changeTables(text, "kv_namespaces", (table) =>
    table.replace(/^id = ".*"$/m, () => {
      const title = namespaceOf(textIn(table, "binding"));
      return `id = "${known(namespaces, title)}"`;
    }),
  );
}

function known(ids: ReadonlyMap<string, string>, name: string): string {
  const id = ids.get(name);
  if (id === undefined) throw new Error(`The id of ${name} is not known`);
  return id;
}

function textIn(table: string, key: string): string {
  const text = new RegExp(`^${key} = "(.*)"$`, "m").exec(table)?.[1];
  if (text === undefined) throw new Error(`A table has no ${key}:\n${table}`);
  return text;
}
