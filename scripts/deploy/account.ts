import type { Ids } from "./configs.ts";
import { run, WranglerFailed, type Wrangler } from "./wrangler.ts";

/** What an account has of what the Workers need. */
export type Account = {
  queues: ReadonlySet<string>;
  buckets: ReadonlySet<string>;
  /** The secrets that a Worker has, by its name. A Worker that is not there has none. */
  secrets: ReadonlyMap<string, ReadonlySet<string>>;
} & Ids;

/** The account to deploy to, when nobody says which. Rejects with a sentence when that is not clear. */
export async function onlyAccount(wrangler: Wrangler): Promise<string> {
  const { code, stdout } = await wrangler(["whoami", "--json"]);
  const { accounts = [] } = (code === 0 ? JSON.parse(stdout) : {}) as Partial<Whoami>;
  const [one, ...more] = accounts;
  if (one === undefined)
    throw new Error('Nobody is logged in: "npx wrangler login", or set CLOUDFLARE_API_TOKEN');
  if (more.length > 0)
    throw new Error(
      `Set CLOUDFLARE_ACCOUNT_ID to one of:\n${accounts.map(({ id, name }) => `${id}  ${name}`).join("\n")}`,
    );
  return one.id;
}

type Whoami = { accounts: { id: string; name: string }[] };

/** Look at what is there. Nothing is changed. */
export async function lookAt(wrangler: Wrangler, workers: readonly string[]): Promise<Account> {
  const secrets = new Map<string, ReadonlySet<string>>();
  for (const worker of workers) secrets.set(worker, await secretsOn(wrangler, worker));
  return {
    queues: await queuesIn(wrangler),
    databases: await databasesIn(wrangler),
    namespaces: await namespacesIn(wrangler),
    buckets: await bucketsIn(wrangler),
    secrets,
  };
}

/** Every page of the queues. */
export async function queuesIn(wrangler: Wrangler): Promise<Set<string>> {
  const names = new Set<string>();
  for (let page = 1; ; page++) {
    const found = namesInTable(await run(wrangler, ["queues", "list", "--page", String(page)]));
    const fresh = found.filter((name) => !names.has(name));
    // A page beyond the last one is empty, or the last one again.
    if (fresh.length === 0) return names;
    for (const name of fresh) names.add(name);
  }
}

/** The column "name" of a table as wrangler draws it. */
function namesInTable(text: string): string[] {
  const rows = text
    .split("\n")
    .filter((line) => line.startsWith("│"))
    .map((line) => line.split("│").map((cell) => cell.trim()));
  const column = rows[0]?.indexOf("name") ?? -1;
  return column < 0 ? [] : rows.slice(1).map((cells) => cells[column] ?? "");
}

/** Databases: their ids by name. */
export async function databasesIn(wrangler: Wrangler): Promise<Map<string, string>> {
  const list = JSON.parse(await run(wrangler, ["d1", "list", "--json"])) as { name: string; uuid: string }[];
  return new Map(list.map(({ name, uuid }) => [name, uuid]));
}

/** Namespaces: their ids by title. */
export async function namespacesIn(wrangler: Wrangler): Promise<Map<string, string>> {
  const list = JSON.parse(await run(wrangler, ["kv", "namespace", "list"])) as {
    title: string;
    id: string;
  }[];
  return new Map(list.map(({ title, id }) => [title, id]));
}

async function bucketsIn(wrangler: Wrangler): Promise<Set<string>> {
  const text = await run(wrangler, ["r2", "bucket", "list"]);
  return new Set([...text.matchAll(/^name: +(\S+)$/gm)].map(([, name = ""]) => name));
}

/** The names of a bucket's lifecycle rules. */
export async function rulesOf(wrangler: Wrangler, bucket: string): Promise<Set<string>> {
  const text = await run(wrangler, ["r2", "bucket", "lifecycle", "list", bucket]);
  return new Set([...text.matchAll(/^name: +(.+)$/gm)].map(([, name = ""]) => name.trim()));
}

async function secretsOn(wrangler: Wrangler, worker: string): Promise<Set<string>> {
  const args = ["secret", "list", "--name", worker, "--format", "json"];
  const answer = await wrangler(args);
  if (answer.code !== 0 && answer.stderr.includes(`Worker "${worker}" not found`)) return new Set();
  if (answer.code !== 0) throw new WranglerFailed(args, answer);
  return new Set((JSON.parse(answer.stdout) as { name: string }[]).map(({ name }) => name));
}
