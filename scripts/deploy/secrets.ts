import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { secretNames, secretsOf, type SecretName } from "../configs.ts";
import { isRing, makeKey } from "../keyring.ts";
import { writePrivate } from "../secrets.ts";
import type { WorkerConfig } from "./configs.ts";

type Values = Partial<Record<SecretName, string>>;
type Worker = Pick<WorkerConfig, "folder" | "name">;

/** Where a value comes from, and which Workers are given it. */
export type Given = {
  name: SecretName;
  source: "environment" | "kept" | "made up" | "asked";
  workers: string[];
};

/** What is set where. The values are in `values` alone. */
export type SecretPlan = {
  given: Given[];
  /** Secrets that nobody has given and that can be done without. */
  left_out: SecretName[];
  values: Values;
};

export type SecretOptions = {
  workers: readonly Worker[];
  /** The secrets that each Worker has already, by the Worker's name. */
  present: ReadonlyMap<string, ReadonlySet<string>>;
  replace: readonly SecretName[];
  environment: Record<string, string | undefined>;
  /** What an earlier run made up. */
  kept: Values;
  /** null: there is nobody to ask. */
  ask: ((name: SecretName) => Promise<string | null>) | null;
};

const KEY_BYTES = 32;
const makers: Partial<Record<SecretName, () => string>> = {
  TOKEN_KEYS: () => makeKey("k1"),
  SESSION_KEYS: () => makeKey("s1"),
  WEBHOOK_KEYS: () => makeKey("w1"),
  ADMIN_KEY: () => `admin_${randomBytes(KEY_BYTES).toString("base64url")}`,
};

/**
 * Decide which secrets are set in which Workers. What a Worker has stays, unless it is to be replaced: Cloudflare does not
 * show what it is. Rejects with a sentence when a Worker lacks a secret that others have and nobody knows.
 */
export async function planSecrets(options: SecretOptions): Promise<SecretPlan> {
  const plan: SecretPlan = { given: [], left_out: [], values: {} };
  for (const name of secretNames) {
    const holders = options.workers.filter(({ folder }) => secretsOf[folder]?.includes(name));
    const replaced = options.replace.includes(name);
    const lacking = holders.filter((worker) => replaced || !options.present.get(worker.name)?.has(name));
    if (lacking.length === 0) continue;
    const found = await valueOf(name, holders, lacking, options);
    if (found === null) {
      plan.left_out.push(name);
      continue;
    }
    check(name, found.value);
    plan.values[name] = found.value;
    plan.given.push({ name, source: found.source, workers: lacking.map((worker) => worker.name) });
  }
  return plan;
}

type Found = { value: string; source: Given["source"] };

async function valueOf(
  name: SecretName,
  holders: readonly Worker[],
  lacking: readonly Worker[],
  { environment, kept, replace, ask }: SecretOptions,
): Promise<Found | null> {
  const given = environment[name];
  if (given && !replace.includes(name) && (kept[name] ?? given) !== given)
    throw new Error(
      `${name} in the environment is not what is kept here: unset it, or say --replace ${name}`,
    );
  if (given) return { value: given, source: "environment" };
  if (replace.includes(name)) throw new Error(`--replace ${name} needs ${name} in the environment`);
  if (kept[name] !== undefined) return { value: kept[name], source: "kept" };
  const having = holders.filter((worker) => !lacking.includes(worker)).map((worker) => worker.name);
  if (having.length > 0)
    throw new Error(
      `${name} is set in ${having.join(" and ")} but not in ${lacking.map((one) => one.name).join(" and ")}, and is not kept here: ` +
        `set ${name} in the environment to what it is there`,
    );
  const make = makers[name];
  if (make) return { value: make(), source: "made up" };
  const asked = (await ask?.(name)) ?? null;
  return asked === null || asked === "" ? null : { value: asked, source: "asked" };
}

/** Refuse what the Workers would refuse, in words that do not repeat it. */
function check(name: SecretName, value: string): void {
  if (name.endsWith("_KEYS") && !isRing(value))
    throw new Error(
      `${name} must be "id:key" with a key of 32 bytes in base64url, several separated by commas`,
    );
  if (!/^[!-~]+$/.test(value)) throw new Error(`${name} must be letters, digits and signs, without spaces`);
}

/** The secrets of one Worker that are to be set, as wrangler takes them. null: none. */
export function secretsFor(worker: string, { given, values }: SecretPlan): string | null {
  const mine = given
    .filter(({ workers }) => workers.includes(worker))
    .map(({ name }) => [name, values[name]]);
  return mine.length === 0 ? null : JSON.stringify(Object.fromEntries(mine));
}

const keptPath = (folder: string): string => join(folder, "secrets.json");

/** What earlier runs made up, for this account. */
export function readKept(folder: string): Values {
  const path = keptPath(folder);
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Values;
  } catch {
    // The parser's own words quote the file.
    throw new Error(`${path} is not JSON: mend it, or put it back from where it is kept`);
  }
}

/**
 * Keep what was made up, before any Worker has it: a run that breaks off must not lose it. What is kept and is replaced from
 * the environment is kept anew. Returns the file's path if there is one.
 */
export function keep(folder: string, { given, values }: SecretPlan): string | null {
  const kept = readKept(folder);
  const fresh = given.filter(({ name, source }) => source === "made up" || kept[name] !== undefined);
  if (fresh.some(({ name }) => kept[name] !== values[name])) {
    for (const { name } of fresh) Object.assign(kept, { [name]: values[name] });
    mkdirSync(dirname(keptPath(folder)), { recursive: true, mode: 0o700 });
    writePrivate(keptPath(folder), `${JSON.stringify(kept, null, 2)}\n`);
  }
  return existsSync(keptPath(folder)) ? keptPath(folder) : null;
}
