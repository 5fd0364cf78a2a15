import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeKey } from "./keyring.ts";

/** What is made up once and is the same after every restart. The last four come into being with the demo client. */
export type Secrets = {
  token_keys: string;
  session_keys: string;
  webhook_keys: string;
  admin_key: string;
  /** The simulator's app. */
  x_client_id: string;
  x_client_secret: string;
  client_id: string | null;
  api_key: string | null;
  webhook_secret: string | null;
  account_id: string | null;
};

const KEY_BYTES = 32;
const random = (): string => randomBytes(KEY_BYTES).toString("base64url");

export const secretsPath = (stateDir: string): string => join(stateDir, "secrets.json");

/** The secrets of a state folder, made up where they are missing. */
export function loadSecrets(stateDir: string): Secrets {
  const path = secretsPath(stateDir);
  const known = existsSync(path) ? read(path) : {};
  const secrets: Secrets = {
    token_keys: makeKey("k1"),
    session_keys: makeKey("s1"),
    webhook_keys: makeKey("w1"),
    admin_key: `admin_${random()}`,
    x_client_id: "simulated-app",
    x_client_secret: random(),
    client_id: null,
    api_key: null,
    webhook_secret: null,
    account_id: null,
    ...known,
  };
  saveSecrets(stateDir, secrets);
  return secrets;
}

function read(path: string): Partial<Secrets> {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Partial<Secrets>;
  } catch {
    // The parser's own words quote the file.
    throw new Error(`${path} is not JSON: mend it, or put it back from where it is kept`);
  }
}

export function saveSecrets(stateDir: string, secrets: Secrets): void {
  writePrivate(secretsPath(stateDir), `${JSON.stringify(secrets, null, 2)}\n`);
}

/** Write a file that only its owner reads, whole or not at all. */
export function writePrivate(path: string, text: string): void {
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, text, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, path);
}
