import { resolve } from "node:path";
import { secretNames, type SecretName } from "../configs.ts";

/** What `npm run deploy` is asked to do. */
export type Options = {
  /** Say every step, and take none. */
  dry_run: boolean;
  /** Secrets to set anew though the Workers have them. */
  replace: SecretName[];
  /** How many databases to bind at least: DB, DB_1, … What the account has already is bound in any case. */
  databases: number;
  /** The Workers Free plan: it refuses Workers that ask for CPU limits. */
  free: boolean;
  /** Where new databases should stand; null: near whoever deploys. */
  location: string | null;
  /** null: the only one that whoever is logged in has. */
  account_id: string | null;
  /** Where generated configs and made-up secrets are kept. */
  folder: string;
};

type Environment = Record<string, string | undefined>;

export const usage = `npm run deploy                              put everything on Cloudflare, as far as it is not there yet
npm run deploy -- --dry-run                 say every step and build every Worker, without the network
npm run deploy -- --replace TOKEN_KEYS      the same as the first, and set this secret anew, from the environment

Environment: CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID (or "npx wrangler login"), DATABASES (1), D1_LOCATION,
PLAN (paid or free), DEPLOY_DIR (.deploy), and the secrets: ${secretNames.join(", ")}.
docs/deploy.md tells more.`;

/** null: they ask for help, or for what there is not. Throws a sentence about what makes no sense in the environment. */
export function readOptions(args: readonly string[], environment: Environment): Options | null {
  const replace: SecretName[] = [];
  let dry_run = false;
  for (let index = 0; index < args.length; index++) {
    if (args[index] === "--dry-run") dry_run = true;
    else if (args[index] === "--replace") replace.push(secretIn(args[++index]));
    else return null;
  }
  return {
    dry_run,
    replace,
    databases: databasesIn(environment),
    free: planIn(environment) === "free",
    location: locationIn(environment),
    account_id: given(environment, "CLOUDFLARE_ACCOUNT_ID"),
    folder: resolve(given(environment, "DEPLOY_DIR") ?? ".deploy"),
  };
}

function secretIn(name: string | undefined): SecretName {
  const known = secretNames.find((one) => one === name);
  if (known === undefined) throw new Error(`--replace takes one of ${secretNames.join(", ")}`);
  return known;
}

function databasesIn(environment: Environment): number {
  const text = given(environment, "DATABASES") ?? "1";
  // The last character of an id names its database.
  if (!/^\d{1,2}$/.test(text) || Number(text) < 1 || Number(text) > MOST_DATABASES)
    throw new Error(`DATABASES must be a number from 1 to ${MOST_DATABASES}, not ${text}`);
  return Number(text);
}

const MOST_DATABASES = 36;

function planIn(environment: Environment): string {
  const plan = given(environment, "PLAN") ?? "paid";
  if (plan !== "paid" && plan !== "free") throw new Error(`PLAN must be paid or free, not ${plan}`);
  return plan;
}

const LOCATIONS = ["weur", "eeur", "apac", "oc", "wnam", "enam"];

function locationIn(environment: Environment): string | null {
  const location = given(environment, "D1_LOCATION");
  if (location !== null && !LOCATIONS.includes(location))
    throw new Error(`D1_LOCATION must be one of ${LOCATIONS.join(", ")}, not ${location}`);
  return location;
}

/** Set to nothing is not set. */
const given = (environment: Environment, name: string): string | null =>
  environment[name] === "" ? null : (environment[name] ?? null);
