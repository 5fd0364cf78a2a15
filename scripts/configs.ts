import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { writePrivate } from "./secrets.ts";
import { addTable, setValue, tablesOf, valueOf } from "./toml.ts";
import { root } from "./wrangler.ts";

/** A Worker: the name of its folder, and its checked-in wrangler.toml. The producer is the first. */
export type WorkerSource = { name: string; path: string };

export function workerSources(): WorkerSource[] {
  const consumers = readdirSync(join(root, "consumers")).sort();
  return [
    { name: "producer", path: join(root, "wrangler.toml") },
    ...consumers.map((name) => ({ name, path: join(root, "consumers", name, "wrangler.toml") })),
  ];
}

export type LocalConfig = {
  state_dir: string;
  /** Change a variable in every Worker that has it. */
  vars: Record<string, string>;
  /** Added to every Worker. */
  extra_vars: Record<string, string>;
  /** Given to those Workers that are named in `secretsOf`; null leaves one out. */
  secrets: Record<SecretName, string | null>;
  /** How many databases are bound: DB, DB_1, … */
  databases: number;
  /** Batches of the queues of tweets and webhooks: how many lanes, and how long it waits for them. Left out: as checked in. */
  batches?: { size: number; timeout_s: number } | undefined;
};

export const secretNames = [
  ...(["TOKEN_KEYS", "SESSION_KEYS", "WEBHOOK_KEYS", "ADMIN_KEY"] as const),
  ...(["X_CLIENT_ID", "X_CLIENT_SECRET"] as const),
];

export type SecretName = (typeof secretNames)[number];

/** Who holds which secret, here as when deployed. */
export const secretsOf: Record<string, readonly SecretName[]> = {
  producer: secretNames,
  tweets: ["TOKEN_KEYS"],
  media: ["TOKEN_KEYS"],
  refresh: ["TOKEN_KEYS", "X_CLIENT_ID", "X_CLIENT_SECRET"],
  webhooks: ["WEBHOOK_KEYS"],
};

/**
 * Write the Workers' configs for this machine, `<state>/workers/<name>/wrangler.toml`, derived from the checked-in ones. The
 * secrets stand beside them in `.dev.vars`: wrangler prints what stands in [vars]. Returns their paths, the producer's first.
 */
export function writeConfigs(config: LocalConfig): string[] {
  return workerSources().map(({ name, path }) => {
    const folder = join(config.state_dir, "workers", name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const target = join(folder, "wrangler.toml");
    writePrivate(target, localized(readFileSync(path, "utf8"), dirname(path), config));
    writePrivate(join(folder, ".dev.vars"), secretLines(name, config));
    return target;
  });
}

/** The text of a wrangler.toml, changed to be read from another folder and to run here. */
export function localized(toml: string, folder: string, config: LocalConfig): string {
  let text = absolute(toml, "", "main", folder);
  for (const [name, value] of Object.entries(config.vars))
    if (valueOf(text, "vars", name) !== null) text = setValue(text, "vars", name, value);
  for (const [name, value] of Object.entries(config.extra_vars)) text = setValue(text, "vars", name, value);
  text = absolute(text, "[d1_databases]", "migrations_dir", folder);
  if (config.batches && /queue = "tap-(tweets|webhooks)"\nmax_batch_size/.test(text))
    text = text
      .replace(/^max_batch_size = \d+$/m, `max_batch_size = ${config.batches.size}`)
      .replace(/^max_batch_timeout = \d+$/m, `max_batch_timeout = ${config.batches.timeout_s}`);
  for (let index = 1; index < config.databases; index++)
    if (!text.includes(`binding = "DB_${index}"\n`)) text = withDatabase(text, index);
  return text;
}

function absolute(toml: string, section: string, key: string, folder: string): string {
  const path = valueOf(toml, section, key);
  return path === null ? toml : setValue(toml, section, key, resolve(folder, path));
}

/** Bind one more database, alike the first but for its name and number. */
function withDatabase(toml: string, index: number): string {
  const first = tablesOf(toml, "d1_databases").find((table) => table.includes('binding = "DB"'));
  if (first === undefined) return toml;
  const table = first
    .replace('binding = "DB"', `binding = "DB_${index}"`)
    .replace(/database_name = "(.*)"/, `database_name = "$1-${index}"`)
    .replace(/(database_id = ".*).{2}"/, `$1${String(index).padStart(2, "0")}"`);
  return addTable(toml, "d1_databases", table);
}

function secretLines(worker: string, { secrets }: LocalConfig): string {
  const names = (secretsOf[worker] ?? []).filter((name) => secrets[name] !== null);
  return names.map((name) => `${name}=${quoted(name, secrets[name] ?? "")}\n`).join("");
}

/** The file knows no escapes: a text is quoted by what it does not contain. */
function quoted(name: string, value: string): string {
  const quote = ["'", '"', "`"].find((one) => !value.includes(one));
  if (quote === undefined || /[\r\n]/.test(value))
    throw new Error(`${name} cannot stand in a .dev.vars file`);
  return quote + value + quote;
}
