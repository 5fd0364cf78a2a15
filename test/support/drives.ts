import { RETURN_URL } from "./door.ts";
import type { LeakDoor, Step } from "./leak-door.ts";

type Tenant = { id: string; key: string; key_id: string };

/** What a route is asked for, made ready anew each time: a request that it answers with what it is for. */
type Drive = (open: LeakDoor, tenant: Tenant) => Promise<Omit<Step, "method" | "path"> & { path?: string }>;

const asAdmin: Drive = async ({ own }) => ({ key: own.ADMIN_KEY });
const asClient: Drive = async (_, { key }) => ({ key });

/** A tweet that waits, and its id. */
async function waiting(open: LeakDoor, { key }: Tenant): Promise<{ id: string; account_id: string }> {
  const account_id = await open.account(key);
  const { id } = await open.read({
    method: "POST",
    path: "/v1/tweets",
    key,
    body: { account_id, text: "hello" },
  });
  return { id, account_id };
}

/** Every route, by its method and path. A new route must be put here. */
export const drives: Record<string, Drive> = {
  "GET /": async () => ({ headers: { accept: "text/html" } }),
  "GET /healthz": async () => ({}),
  "GET /readyz": async () => ({}),
  "POST /v1/tweets": async (open, { key }) => ({
    key,
    body: { account_id: await open.account(key), text: "hello", run_at: "2026-11-24T12:00:00Z" },
    headers: { "idempotency-key": "once" },
  }),
  "DELETE /v1/tweets/{x_id}": async (open, { key }) => ({
    key,
    path: `/v1/tweets/12?account_id=${await open.account(key)}`,
  }),
  "POST /v1/jobs": async (open, { key }) => ({
    key,
    body: { kind: "token.refresh", params: { account_id: await open.account(key) } },
  }),
  "GET /v1/jobs": async (open, tenant) => {
    await waiting(open, tenant);
    return { key: await open.session(tenant.key) };
  },
  "GET /v1/jobs/{id}": async (open, tenant) => ({
    key: tenant.key,
    path: `/v1/jobs/${(await waiting(open, tenant)).id}`,
    headers: { prefer: "wait=1" },
  }),
  "POST /v1/jobs/{id}/cancel": async (open, tenant) => ({
    key: tenant.key,
    path: `/v1/jobs/${(await waiting(open, tenant)).id}/cancel`,
  }),
  "POST /v1/jobs/{id}/retry": async (open, tenant) => {
    const { id } = await waiting(open, tenant);
    await open.door.setJob(id, { state: "failed", open: null, finished_at: open.door.now() });
    return { key: tenant.key, path: `/v1/jobs/${id}/retry` };
  },
  "POST /v1/jobs/{id}/resolve": async (open, tenant) => {
    const { id } = await waiting(open, tenant);
    await open.door.setJob(id, { state: "unknown", open: null, maybe_sent: 2 });
    return { key: tenant.key, path: `/v1/jobs/${id}/resolve`, body: { outcome: "not_posted" } };
  },
  "POST /v1/accounts/connect": async (open, { key }) => ({
    key,
    body: { return_url: RETURN_URL, app_id: await open.app(key) },
  }),
  "GET /oauth/callback": async (open, { key }) => ({
    path: await open.consented(key, { app_id: await open.app(key) }),
  }),
  "GET /v1/accounts": async (open, { key }) => {
    await open.account(key);
    return { key };
  },
  "GET /v1/accounts/{id}": async (open, { key }) => ({
    key,
    path: `/v1/accounts/${await open.account(key)}`,
  }),
  "POST /v1/accounts/{id}/refresh": async (open, { key }) => ({
    key,
    path: `/v1/accounts/${await open.account(key)}/refresh`,
  }),
  "PATCH /v1/accounts/{id}": async (open, { key }) => ({
    key,
    path: `/v1/accounts/${await open.account(key)}`,
    body: { metadata: { team: "blue" } },
  }),
  "DELETE /v1/accounts/{id}": async (open, { key }) => ({
    key,
    path: `/v1/accounts/${await open.account(key, { app_id: await open.app(key) })}?jobs=cancel`,
  }),
  "POST /v1/apps": async ({ own }, { key }) => ({
    key,
    body: { name: "ours", x_client_id: "x-tenant", x_client_secret: own.tenant },
  }),
  "GET /v1/apps": async (open, { key }) => {
    await open.app(key);
    return { key };
  },
  "GET /v1/apps/{id}": async (open, { key }) => ({ key, path: `/v1/apps/${await open.app(key)}` }),
  "PATCH /v1/apps/{id}": async (open, { key }) => ({
    key,
    path: `/v1/apps/${await open.app(key)}`,
    body: { name: "other", x_client_secret: open.own.tenant },
  }),
  "DELETE /v1/apps/{id}": async (open, { key }) => ({ key, path: `/v1/apps/${await open.app(key)}` }),
  "POST /v1/clients": async ({ own }) => ({
    key: own.ADMIN_KEY,
    body: { name: "one more", return_urls: [RETURN_URL] },
  }),
  "GET /v1/clients": asAdmin,
  "GET /v1/clients/{id}": async (_, { id, key }) => ({ key, path: `/v1/clients/${id}` }),
  "PATCH /v1/clients/{id}": async ({ own }, { id }) => ({
    key: own.ADMIN_KEY,
    path: `/v1/clients/${id}`,
    body: { name: "another name" },
  }),
  "POST /v1/keys": async ({ own }, { id }) => ({
    key: own.ADMIN_KEY,
    body: { client_id: id, scopes: ["jobs:read"] },
  }),
  "POST /v1/token-keys/reseal": async (open, { key }) => {
    await open.account(key, { app_id: await open.app(key) });
    return { key: open.own.ADMIN_KEY, body: {} };
  },
  "GET /v1/keys": async (_, { id, key }) => ({ key, path: `/v1/keys?client_id=${id}` }),
  "DELETE /v1/keys/{id}": async (open, { id, key }) => {
    const body = { client_id: id, scopes: ["jobs:read"] };
    const made = await open.read({ method: "POST", path: "/v1/keys", key, body });
    return { key, path: `/v1/keys/${made.id}` };
  },
  "POST /v1/sessions": async (_, { key }) => ({ key, body: { scopes: ["jobs:read"] } }),
  "GET /v1/audit": asClient,
};

/** A request that a route answers as it should. */
export async function drive(open: LeakDoor, tenant: Tenant, name: string): Promise<Step> {
  const driven = drives[name];
  if (!driven) throw new Error(`Nobody drives ${name}: put it into test/support/drives.ts`);
  const [method = "", path = ""] = name.split(" ");
  return { method, path, ...(await driven(open, tenant)) };
}
