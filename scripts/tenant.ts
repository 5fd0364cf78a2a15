import { ask, Refused } from "./api.ts";
import { beginConnect, connectAccount } from "./connect.ts";
import { saveSecrets } from "./secrets.ts";
import type { Running } from "./stack.ts";

/** The demo client: what somebody needs to use the API. */
export type Tenant = {
  client_id: string;
  api_key: string;
  /** Signs what the callback URLs of its jobs are sent. */
  webhook_secret: string;
  account_id: string | null;
};

const SCOPES = [
  "jobs:read",
  "jobs:write",
  "media:write",
  "accounts:read",
  "accounts:write",
  "webhooks:write",
];

/** The demo client with its key and, at the simulator, a connected account: the same after every restart. */
export async function ensureTenant(running: Running, stateDir: string): Promise<Tenant> {
  const { url, simulator_url, secrets } = running;
  if (!secrets.client_id || !secrets.api_key || !(await works(url, secrets.api_key))) {
    Object.assign(secrets, await makeClient(url, running.admin_key, "Demo"), { account_id: null });
    saveSecrets(stateDir, secrets);
  }
  if (secrets.webhook_secret === null) {
    const path = `/v1/clients/${secrets.client_id ?? ""}/rotate-webhook-secret`;
    const rotated = await ask<{ webhook_secret: string }>(url + path, { key: running.admin_key, body: {} });
    secrets.webhook_secret = rotated.webhook_secret;
    saveSecrets(stateDir, secrets);
  }
  const { client_id, api_key, webhook_secret } = secrets as Omit<Tenant, "account_id">;
  if (simulator_url === null) return { client_id, api_key, webhook_secret, account_id: null };
  if (secrets.account_id === null || !(await isConnected(url, api_key, secrets.account_id))) {
    // Named after the client: an account of X belongs to one client only.
    const userId = await makeUser(simulator_url, `demo_${client_id.slice(-7)}`, "Demo");
    secrets.account_id = await connectAccount({ url, key: api_key, return_url: `${url}/` }, userId);
    saveSecrets(stateDir, secrets);
  }
  return { client_id, api_key, webhook_secret, account_id: secrets.account_id };
}

/**
 * A link that connects one more account of the demo client, for ten minutes; null when none can be made, as without an X
 * app, or at another port than the one the client's return URLs name.
 */
export const connectLink = (url: string, { api_key }: Tenant): Promise<string | null> =>
  beginConnect({ url, key: api_key, return_url: `${url}/` }).catch((error: unknown) => {
    if (error instanceof Refused) return null;
    throw error;
  });

/** Make a client with a key, with every scope but `admin`. */
export async function makeClient(
  url: string,
  adminKey: string,
  name: string,
): Promise<{ client_id: string; api_key: string; webhook_secret: string }> {
  const { port } = new URL(url);
  const return_urls = [`http://localhost:${port}/`, `http://127.0.0.1:${port}/`];
  const client = await ask<{ id: string; webhook_secret: string }>(`${url}/v1/clients`, {
    key: adminKey,
    body: { name, return_urls },
  });
  const body = { client_id: client.id, scopes: SCOPES };
  const { key } = await ask<{ key: string }>(`${url}/v1/keys`, { key: adminKey, body });
  return { client_id: client.id, api_key: key, webhook_secret: client.webhook_secret };
}

/** Make a user of the simulated X, or find it by its name. */
export async function makeUser(simulatorUrl: string, username: string, name = username): Promise<string> {
  return (await ask<{ id: string }>(`${simulatorUrl}/_sim/users`, { body: { username, name } })).id;
}

const works = (url: string, key: string): Promise<boolean> =>
  unlessRefused(async () => {
    await ask(`${url}/v1/accounts?limit=1`, { key });
    return true;
  });

const isConnected = (url: string, key: string, id: string): Promise<boolean> =>
  unlessRefused(
    async () => (await ask<{ state: string }>(`${url}/v1/accounts/${id}`, { key })).state === "connected",
  );

/** False for what is not known or not allowed any more, as after somebody deleted the data. */
async function unlessRefused(question: () => Promise<boolean>): Promise<boolean> {
  try {
    return await question();
  } catch (error) {
    if (error instanceof Refused && [401, 403, 404].includes(error.status)) return false;
    throw error;
  }
}
