import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writePrivate } from "../secrets.ts";
import { tablesOf, valueOf } from "../toml.ts";
import { lookAt, onlyAccount, type Account } from "./account.ts";
import { resourcesOf, workerConfigs, writeWorkerConfigs, type WorkerConfig } from "./configs.ts";
import { createMissing, type Say } from "./create.ts";
import type { Options } from "./options.ts";
import { untilReady } from "./ready.ts";
import { keep, planSecrets, readKept, secretsFor, type SecretOptions, type SecretPlan } from "./secrets.ts";
import { run, type Wrangler } from "./wrangler.ts";

/** What a deployment is given from outside. */
export type Outside = {
  /** Wrangler for an account; null: for whatever account whoever is logged in has. */
  wrangler: (account_id: string | null) => Wrangler;
  environment: SecretOptions["environment"];
  ask: SecretOptions["ask"];
  say: Say;
  fetch: (url: string) => Promise<Response>;
  pause: (ms: number) => Promise<void>;
};

/**
 * Put everything on Cloudflare, as far as it is not there yet: look, make what is missing, migrate, then the consumers, and the
 * producer last. It may be run again at any time, also after it broke off. Rejects with a sentence, and with what wrangler said.
 */
export async function deploy(options: Options, outside: Outside): Promise<void> {
  const { say } = outside;
  const account_id = options.account_id ?? (await onlyAccount(outside.wrangler(null)));
  const wrangler = outside.wrangler(account_id);
  const folder = join(options.folder, account_id);
  say(`account ${account_id}; generated files are in ${folder}`);
  forgetSecretFiles(folder);

  const plain = workerConfigs({ folder, databases: options.databases, free: options.free });
  const account = await lookAt(
    wrangler,
    plain.map(({ name }) => name),
  );
  const databases = Math.max(options.databases, boundOnce(account, plain));
  const workers = workerConfigs({ folder, databases, free: options.free });
  const plan = await planSecrets({
    workers,
    present: account.secrets,
    replace: options.replace,
    environment: outside.environment,
    kept: readKept(folder),
    ask: options.dry_run ? null : outside.ask,
  });
  // Nothing has been changed so far.
  const kept = options.dry_run ? null : keep(folder, plan);
  tell(plan, kept, say);

  const { location } = options;
  const ids = await createMissing(wrangler, resourcesOf(workers), account, { say, location });
  writeWorkerConfigs(workers, ids);
  await migrate(wrangler, workers, say);
  const address = await deployAll(wrangler, workers, plan, { folder, say, dry_run: options.dry_run });
  if (!options.dry_run) await untilReady(address, outside);
}

/** A database that has been bound must stay bound: what is there is bound, whatever was asked for. */
function boundOnce({ databases }: Account, [producer]: readonly WorkerConfig[]): number {
  const first = resourcesOf(producer ? [producer] : []).databases[0] ?? "";
  const numbers = [...databases.keys()].map((name) =>
    name.startsWith(`${first}-`) ? Number(/^\d+$/.exec(name.slice(first.length + 1))?.[0] ?? 0) : 0,
  );
  return 1 + Math.max(0, ...numbers);
}

function tell({ given, left_out }: SecretPlan, kept: string | null, say: Say): void {
  for (const { name, source, workers } of given) say(`secret ${name} (${source}): ${workers.join(", ")}`);
  if (kept !== null) say(`what was made up is kept in ${kept}: keep a copy where you keep secrets`);
  if (left_out.length > 0)
    say(
      `${left_out.join(" and ")} left out: without an X app no account can be connected but through /v1/apps`,
    );
}

async function migrate(wrangler: Wrangler, [producer]: readonly WorkerConfig[], say: Say): Promise<void> {
  if (!producer) return;
  const bindings = tablesOf(producer.toml, "d1_databases").flatMap(
    (table) => /^binding = "(.*)"$/m.exec(table)?.[1] ?? [],
  );
  for (const binding of bindings) {
    say(`migrate the database ${binding}`);
    await run(wrangler, ["d1", "migrations", "apply", binding, "--remote", "--config", producer.path]);
  }
}

type Deployment = { folder: string; say: Say; dry_run: boolean };

/** The consumers first: whoever fills a queue must find somebody who empties it. Returns the producer's address. */
async function deployAll(
  wrangler: Wrangler,
  [producer, ...consumers]: readonly WorkerConfig[],
  plan: SecretPlan,
  deployment: Deployment,
): Promise<string | null> {
  if (!producer) return null;
  for (const worker of consumers) await deployOne(wrangler, worker, plan, deployment);
  const output = await deployOne(wrangler, producer, plan, deployment);
  const address = valueOf(producer.toml, "vars", "PUBLIC_URL");
  return address === "" || address === null
    ? (/https:\/\/\S+\.workers\.dev/.exec(output)?.[0] ?? null)
    : address;
}

/** A Worker and its secrets in one: it never runs without them. They go by a file that nobody else may read. */
async function deployOne(
  wrangler: Wrangler,
  { name, path }: WorkerConfig,
  plan: SecretPlan,
  { folder, say, dry_run }: Deployment,
): Promise<string> {
  say(`deploy ${name}`);
  const secrets = secretsFor(name, plan);
  if (secrets === null) return run(wrangler, ["deploy", "--config", path]);
  const file = join(folder, `${SECRETS}${name}.json`);
  try {
    if (!dry_run) writePrivate(file, secrets);
    return await run(wrangler, ["deploy", "--config", path, "--secrets-file", file]);
  } finally {
    rmSync(file, { force: true });
  }
}

const SECRETS = "secrets-for-";

/** What a run that was killed has left. */
function forgetSecretFiles(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(folder).filter((one) => one.startsWith(SECRETS))) rmSync(join(folder, name));
}
