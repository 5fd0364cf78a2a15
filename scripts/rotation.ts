import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ask as askOverHttp } from "./api.ts";
import { newestAlone, newestIn, withNewKey } from "./keyring.ts";
import { nothingLeft, resealAll, type Resealing, type Step, type Totals } from "./reseal.ts";
import { loadSecrets, saveSecrets, secretsPath } from "./secrets.ts";
import { readSettings } from "./settings.ts";
import { pause } from "./wait.ts";

type Environment = Record<string, string | undefined>;

/** What a rotation is given from outside. */
export type Outside = {
  environment: Environment;
  say: (text: string) => void;
  ask?: typeof askOverHttp;
  pause?: Resealing["pause"];
};

/** Rounds that `--drop-old` makes until one finds nothing left. */
const ROUNDS = 3;
const SHOWN = 50;

export const usage = `npm run rotate-keys                  seal everything anew with the newest key of TOKEN_KEYS
npm run rotate-keys -- --new-key     put a fresh key in front of the ring in STATE_DIR
npm run rotate-keys -- --drop-old    seal anew, and leave only the newest key in that ring
npm run rotate-keys -- --webhooks …  the same with WEBHOOK_KEYS, which seal the secrets of webhooks

The installation is PROXY_URL with ADMIN_KEY, or what "npm start" runs in STATE_DIR.`;

/** What one of these commands ends with: 0 when it did what it was asked. Throws a sentence when it cannot. */
export async function rotate(args: readonly string[], outside: Outside): Promise<number> {
  const [command, ...more] = args.filter((one) => one !== "--webhooks");
  const which = args.includes("--webhooks") ? RINGS.webhooks : RINGS.tokens;
  if (args.length > 2 || more.length > 0 || !["--new-key", "--drop-old", undefined].includes(command)) {
    outside.say(usage);
    return 1;
  }
  if (command === "--new-key") return addKey(outside, which);
  return command === "--drop-old" ? dropOld(outside, which) : sealAnew(outside, which);
}

/** The rings whose keys are changed: as the API calls them, as the Workers have them, and where they stand in STATE_DIR. */
const RINGS = {
  tokens: { ring: "tokens", variable: "TOKEN_KEYS", field: "token_keys", flag: "" },
  webhooks: { ring: "webhooks", variable: "WEBHOOK_KEYS", field: "webhook_keys", flag: " -- --webhooks" },
} as const;

type Which = (typeof RINGS)[keyof typeof RINGS];

function addKey({ environment, say }: Outside, which: Which): number {
  const { state_dir } = readSettings(environment);
  if (!hasOwnRing(environment, state_dir)) {
    say(deployed(which, "The ring is not kept here, so no key was made."));
    return 1;
  }
  const secrets = loadSecrets(state_dir);
  const ring = withNewKey(secrets[which.field]);
  saveSecrets(state_dir, { ...secrets, [which.field]: ring });
  say(`The key "${newestIn(ring)}" stands in front of the ring in ${secretsPath(state_dir)}.
Start anew ("npm start"), then "npm run rotate-keys${which.flag}" seals everything with it.`);
  return 0;
}

async function sealAnew(outside: Outside, which: Which): Promise<number> {
  const totals = await resealAll(resealingOf(outside, which));
  tell(totals, which, outside.say);
  return totals.unreadable.length > 0 ? 1 : 0;
}

/** The old keys go only when the Workers themselves seal with the newest, and a whole round found nothing else. */
async function dropOld(outside: Outside, which: Which): Promise<number> {
  const { environment, say } = outside;
  const { state_dir } = readSettings(environment);
  const resealing = resealingOf(outside, which);
  let totals = await resealAll(resealing);
  for (let round = 1; round < ROUNDS && !nothingLeft(totals); round++) totals = await resealAll(resealing);
  tell(totals, which, say);
  if (!nothingLeft(totals)) {
    say("No key was dropped: what is left needs one of the old ones.");
    return 1;
  }
  if (!hasOwnRing(environment, state_dir)) {
    say(deployed(which, `Nothing needs another key than "${totals.key}" any more.`));
    return 0;
  }
  const secrets = loadSecrets(state_dir);
  const newest = newestIn(secrets[which.field]);
  if (totals.key !== newest) {
    say(`No key was dropped: the Workers seal with "${totals.key}", and the ring in ${secretsPath(state_dir)} begins with "${newest}".
Start anew ("npm start") and ask again.`);
    return 1;
  }
  saveSecrets(state_dir, { ...secrets, [which.field]: newestAlone(secrets[which.field]) });
  say(
    `Only "${totals.key}" is left in ${secretsPath(state_dir)}; the Workers forget the others when they start anew.`,
  );
  return 0;
}

function tell(
  { key, examined, resealed, moved, unreadable }: Totals,
  { variable }: Which,
  say: Outside["say"],
): void {
  say(`${examined} looked at, ${resealed} sealed anew with the key "${key}".`);
  if (moved > 0) say(`${moved} changed meanwhile and were left as they are: run it again.`);
  if (unreadable.length === 0) return;
  const rest = unreadable.length > SHOWN ? `\n… and ${unreadable.length - SHOWN} more` : "";
  say(`${unreadable.length} cannot be opened with any key of ${variable}, and were left as they are:
${unreadable.slice(0, SHOWN).join("\n")}${rest}`);
}

/** The ring is ours to change: the stack in STATE_DIR is meant, and it has been started once. */
const hasOwnRing = (environment: Environment, stateDir: string): boolean =>
  !environment.PROXY_URL && existsSync(secretsPath(stateDir));

const deployed = ({ variable }: Which, first: string): string => `${first}
Deployed, ${variable} is a secret of every Worker that has it: docs/keys.md says in which order to change them.`;

function resealingOf(
  { environment, say, ask = askOverHttp, pause: wait = pause }: Outside,
  { ring }: Which,
): Resealing {
  const { url, key } = installation(environment);
  const step = (cursor: string | null): Promise<Step> =>
    ask<Step>(`${url}/v1/token-keys/reseal`, {
      key,
      body: { ...(ring !== "tokens" && { ring }), ...(cursor !== null && { cursor }) },
    });
  return { step, pause: wait, say };
}

function installation(environment: Environment): { url: string; key: string } {
  const { PROXY_URL, ADMIN_KEY } = environment;
  if (PROXY_URL) {
    if (!ADMIN_KEY) throw new Error("PROXY_URL is set: ADMIN_KEY must be, too");
    return { url: PROXY_URL.replace(/\/+$/, ""), key: ADMIN_KEY };
  }
  const sign = join(readSettings(environment).state_dir, "local.json");
  if (!existsSync(sign))
    throw new Error(
      `Nothing runs here (there is no ${sign}): "npm start" first, or set PROXY_URL and ADMIN_KEY`,
    );
  const { url, admin_key } = JSON.parse(readFileSync(sign, "utf8")) as { url: string; admin_key: string };
  return { url, key: admin_key };
}
