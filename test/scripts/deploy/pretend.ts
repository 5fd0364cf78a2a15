import { readFileSync, statSync } from "node:fs";
import type { Answer, Wrangler } from "../../../scripts/deploy/wrangler.ts";
import { readToml } from "../../support/toml.ts";

/** A Worker that was deployed. */
export type Deployed = { secrets: Map<string, string>; config: Config };

type Config = {
  name: string;
  vars?: Record<string, string>;
  limits?: unknown;
  observability?: unknown;
  d1_databases?: { binding: string; database_name: string; database_id: string }[];
  kv_namespaces?: { id: string }[];
  r2_buckets?: { bucket_name: string }[];
  queues?: { producers?: { queue: string }[]; consumers?: { queue: string; dead_letter_queue?: string }[] };
};

/** A wrangler command that failed in the way that wrangler does. */
class Refusal extends Error {}

/** How a command that changes something goes wrong: not carried out, or carried out and its answer lost. */
export type Mishap = { at: number; how: "before" | "after" };

const CHANGING =
  /^(queues create|d1 create|d1 migrations|kv namespace create|r2 bucket create|r2 bucket lifecycle add|deploy)/;
const PER_PAGE = 3;

/** A Cloudflare account in memory, with a wrangler that prints what the real one does, as far as a deployment needs it. */
export class PretendAccount {
  queues: string[] = [];
  databases = new Map<string, string>();
  namespaces = new Map<string, string>();
  buckets = new Map<string, string[]>();
  workers = new Map<string, Deployed>();
  /** The databases that the migrations were applied to, by id. */
  migrated = new Set<string>();
  /** Every command, as it was typed. */
  calls: string[] = [];
  mishap: Mishap | null = null;

  /** The commands that changed something, or were to. */
  get changes(): string[] {
    return this.calls.filter((call) => CHANGING.test(call));
  }

  readonly wrangler: Wrangler = async (args) => {
    const call = args.join(" ");
    this.calls.push(call);
    const wrong = CHANGING.test(call) && this.mishap?.at === this.changes.length ? this.mishap.how : null;
    if (wrong === "before") return failed("The network is gone");
    try {
      const stdout = this.#carryOut(args);
      return wrong === "after" ? failed("The network is gone") : { code: 0, stdout, stderr: "" };
    } catch (error) {
      if (error instanceof Refusal) return failed(error.message);
      throw error;
    }
  };

  #carryOut(args: readonly string[]): string {
    const call = args.join(" ");
    const verb = Object.keys(this.#verbs).find((one) => call === one || call.startsWith(`${one} `));
    if (verb === undefined) throw new Error(`wrangler has no ${call}`);
    return this.#verbs[verb]?.(args.slice(verb.split(" ").length)) ?? "";
  }

  readonly #verbs: Record<string, (args: readonly string[]) => string> = {
    whoami: () => JSON.stringify({ loggedIn: true, accounts: [{ id: "acc1", name: "Ours" }] }),
    "queues list": (args) => this.#queueTable(Number(after(args, "--page"))),
    "queues create": ([name = ""]) => {
      if (this.queues.includes(name))
        throw new Refusal(`Queue name '${name}' is already taken. [code: 11009]`);
      this.queues.push(name);
      return `✅ Created queue '${name}'`;
    },
    "d1 list": () => listed(this.databases, "name", "uuid"),
    "d1 create": ([name = ""]) => {
      if (this.databases.has(name))
        throw new Refusal(`A database with that name already exists [code: 7502]`);
      this.databases.set(name, `uuid-of-${name}`);
      return `✅ Successfully created DB '${name}'`;
    },
    "d1 migrations apply": ([binding = "", ...rest]) => this.#migrate(binding, rest),
    "kv namespace list": () => listed(this.namespaces, "title", "id"),
    "kv namespace create": ([title = ""]) => {
      if (this.namespaces.has(title))
        throw new Refusal("a namespace with this account ID and title already exists");
      this.namespaces.set(title, `id-of-${title}`);
      return `🌀 Creating namespace with title "${title}"`;
    },
    "r2 bucket list": () =>
      `Listing buckets...\n${[...this.buckets.keys()].map((name) => `name:           ${name}\ncreation_date:  2026-01-01T00:00:00Z`).join("\n\n")}`,
    "r2 bucket create": ([name = ""]) => {
      if (this.buckets.has(name))
        throw new Refusal("The bucket you tried to create already exists, and you own it.");
      this.buckets.set(name, []);
      return `✅ Created bucket '${name}'`;
    },
    "r2 bucket lifecycle list": ([bucket = ""]) =>
      (this.buckets.get(bucket) ?? []).map((rule) => `name:     ${rule}\nenabled:  Yes\n`).join("\n"),
    "r2 bucket lifecycle add": ([bucket = "", ...rule]) => {
      this.buckets.get(bucket)?.push(rule[0] ?? "");
      return "✨ Added lifecycle rule";
    },
    "secret list": (args) => {
      const worker = this.workers.get(after(args, "--name"));
      if (!worker) throw new Refusal(`Worker "${after(args, "--name")}" not found.`);
      return JSON.stringify([...worker.secrets.keys()].map((name) => ({ name, type: "secret_text" })));
    },
    deploy: (args) => this.#deploy(args),
  };

  #queueTable(page: number): string {
    const names = this.queues.slice((page - 1) * PER_PAGE, page * PER_PAGE);
    if (names.length === 0) return "\n";
    const rows = names.map((name) => `│ ${name}-id │ ${name} │ 2026-01-01 │\n├──┼──┼──┤`);
    return `┌──┬──┬──┐\n│ id │ name │ created_on │\n├──┼──┼──┤\n${rows.join("\n")}\n└──┴──┴──┘\n`;
  }

  #migrate(binding: string, args: readonly string[]): string {
    const { d1_databases = [] } = configAt(after(args, "--config"));
    const id = d1_databases.find((one) => one.binding === binding)?.database_id ?? "";
    if (!args.includes("--remote")) throw new Refusal("this would migrate a local database");
    if (![...this.databases.values()].includes(id)) throw new Refusal(`There is no database ${id}`);
    this.migrated.add(id);
    return "✅ No migrations to apply!";
  }

  #deploy(args: readonly string[]): string {
    const config = configAt(after(args, "--config"));
    for (const { database_id } of config.d1_databases ?? [])
      if (!this.migrated.has(database_id)) throw new Refusal(`The database ${database_id} is not migrated`);
    const missing = [
      ...(config.kv_namespaces ?? []).filter(({ id }) => ![...this.namespaces.values()].includes(id)),
      ...(config.r2_buckets ?? []).filter(({ bucket_name }) => !this.buckets.has(bucket_name)),
      ...queuesOf(config).filter((queue) => !this.queues.includes(queue)),
    ];
    if (missing.length > 0) throw new Refusal(`It binds what is not there: ${JSON.stringify(missing)}`);
    const before = this.workers.get(config.name)?.secrets ?? new Map<string, string>();
    this.workers.set(config.name, { config, secrets: new Map([...before, ...secretsAt(args)]) });
    return `Deployed ${config.name} triggers\n  https://${config.name}.ours.workers.dev\n`;
  }
}

const queuesOf = ({ queues = {} }: Config): string[] => [
  ...(queues.producers ?? []).map(({ queue }) => queue),
  ...(queues.consumers ?? []).flatMap(({ queue, dead_letter_queue }) => [queue, dead_letter_queue ?? queue]),
];

/** What a secrets file holds; it must be its owner's alone. */
function secretsAt(args: readonly string[]): [string, string][] {
  if (!args.includes("--secrets-file")) return [];
  const file = after(args, "--secrets-file");
  if ((statSync(file).mode & 0o077) !== 0) throw new Refusal("Others may read the secrets");
  return Object.entries(JSON.parse(readFileSync(file, "utf8")) as Record<string, string>);
}

const configAt = (path: string): Config => readToml(readFileSync(path, "utf8")) as Config;

const after = (args: readonly string[], flag: string): string => args[args.indexOf(flag) + 1] ?? "";

const listed = (ids: ReadonlyMap<string, string>, name: string, id: string): string =>
  JSON.stringify([...ids].map(([one, value]) => ({ [name]: one, [id]: value })));

const failed = (words: string): Answer => ({ code: 1, stdout: "", stderr: `✘ [ERROR] ${words}\n` });
