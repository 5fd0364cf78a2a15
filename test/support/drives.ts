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

/** A job that we gave up on. */
async function dead(open: LeakDoor, tenant: Tenant): Promise<void> {
  const { id } = await waiting(open, tenant);
  await open.door.setJob(id, { state: "dead", open: null, finished_at: open.door.now() });
}

const tus = { "tus-resumable": "1.0.0" };

/** The metadata of an upload for a new account. */
const metadataOf = async (open: LeakDoor, key: string): Promise<Record<string, string>> => ({
  ...tus,
  "upload-length": "5",
  "upload-metadata": `account_id ${btoa(await open.account(key))},filetype ${btoa("video/mp4")}`,
});

/** An upload that has begun: its path. */
async function begun(open: LeakDoor, { key }: Tenant): Promise<string> {
  const headers = await metadataOf(open, key);
  const answer = await open.send({ method: "POST", path: "/v1/uploads", key, headers });
  return answer.headers.get("location") ?? "";
}

const begunAsMedium = async (open: LeakDoor, tenant: Tenant): Promise<string> =>
  (await begun(open, tenant)).replace("uploads", "media");

const bytes = new Uint8Array([1, 2, 3, 4, 5]);

/** A batch of one tweet that waits. */
async function batch(open: LeakDoor, { key }: Tenant): Promise<string> {
  const items = [{ account_id: await open.account(key), text: "hello" }];
  return (await open.read({ method: "POST", path: "/v1/batches", key, body: { items } })).id;
}

/** A schedule of a daily tweet. */
const recurring = async (open: LeakDoor, { key }: Tenant) => ({
  cron: "0 9 * * *",
  params: { account_id: await open.account(key), text: "hello" },
});

const ofSchedule =
  (rest: string, body?: unknown): Drive =>
  async (open, tenant) => {
    const asked = { method: "POST", path: "/v1/schedules", key: tenant.key };
    const { id } = await open.read({ ...asked, body: await recurring(open, tenant) });
    return { key: tenant.key, path: `/v1/schedules/${id}${rest}`, body };
  };

const listening = { url: "https://hooks.shop.com/x", events: ["*"] };

/** An endpoint that listens to everything. */
const endpoint = async (open: LeakDoor, { key }: Tenant): Promise<string> =>
  (await open.read({ method: "POST", path: "/v1/webhook-endpoints", key, body: listening })).id;

/** An event that an endpoint was told of. */
async function event(open: LeakDoor, tenant: Tenant): Promise<string> {
  const path = `/v1/webhook-endpoints/${await endpoint(open, tenant)}/test`;
  const made = await open.read<{ event_id: string }>({ method: "POST", path, key: tenant.key });
  return made.event_id;
}

const ofEndpoint =
  (rest: string, body?: unknown): Drive =>
  async (open, tenant) => ({
    key: tenant.key,
    path: `/v1/webhook-endpoints/${await endpoint(open, tenant)}${rest}`,
    body,
  });

const ofEvent =
  (rest: string, body?: unknown): Drive =>
  async (open, tenant) => ({ key: tenant.key, path: `/v1/events/${await event(open, tenant)}${rest}`, body });

/** Every route, by its method and path. A new route must be put here. */
export const drives: Record<string, Drive> = {
  "GET /": async () => ({ headers: { accept: "text/html" } }),
  "GET /openapi.json": async () => ({}),
  "GET /docs": async () => ({}),
  "GET /docs/viewer.css": async () => ({}),
  "GET /docs/viewer.js": async () => ({}),
  "GET /docs/start.js": async () => ({}),
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
  "POST /v1/threads": async (open, { key }) => ({
    key,
    body: { account_id: await open.account(key), tweets: [{ text: "hello" }, { text: "again" }] },
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
  "GET /v1/dead-letters": async (open, tenant) => {
    await dead(open, tenant);
    return { key: tenant.key };
  },
  "POST /v1/dead-letters/redrive": async (open, tenant) => {
    await dead(open, tenant);
    return { key: tenant.key, body: { filter: {}, limit: 10 } };
  },
  "GET /v1/status": async (open, tenant) => {
    const { account_id } = await waiting(open, tenant);
    await open.door.closeGate(account_id, `account:${account_id}`, "locked", open.door.now() + 60_000);
    return { key: tenant.key };
  },
  "GET /metrics": async (open, tenant) => {
    await waiting(open, tenant);
    return { key: tenant.key };
  },
  "POST /v1/uploads": async (open, { key }) => ({ key, headers: await metadataOf(open, key) }),
  "HEAD /v1/uploads/{id}": async (open, tenant) => ({
    key: tenant.key,
    path: await begun(open, tenant),
    headers: tus,
  }),
  "PATCH /v1/uploads/{id}": async (open, tenant) => ({
    key: tenant.key,
    path: await begun(open, tenant),
    text: bytes,
    headers: { ...tus, "upload-offset": "0", "content-type": "application/offset+octet-stream" },
  }),
  "DELETE /v1/uploads/{id}": async (open, tenant) => ({
    key: tenant.key,
    path: await begun(open, tenant),
    headers: tus,
  }),
  "POST /v1/media": async (open, { key }) => ({
    key,
    path: `/v1/media?account_id=${await open.account(key)}`,
    text: bytes,
    headers: { "content-type": "video/mp4" },
  }),
  "GET /v1/media": async (open, tenant) => {
    await begun(open, tenant);
    return { key: tenant.key };
  },
  "GET /v1/media/{id}": async (open, tenant) => ({
    key: tenant.key,
    path: await begunAsMedium(open, tenant),
  }),
  "DELETE /v1/media/{id}": async (open, tenant) => ({
    key: tenant.key,
    path: await begunAsMedium(open, tenant),
  }),
  "POST /v1/batches": async (open, { key }) => ({
    key,
    body: { items: [{ account_id: await open.account(key), text: "hello" }, { text: "nobody's" }] },
    headers: { "idempotency-key": "once" },
  }),
  "GET /v1/batches": async (open, tenant) => {
    await batch(open, tenant);
    return { key: tenant.key };
  },
  "GET /v1/batches/{id}": async (open, tenant) => ({
    key: tenant.key,
    path: `/v1/batches/${await batch(open, tenant)}`,
  }),
  "GET /v1/batches/{id}/jobs": async (open, tenant) => ({
    key: tenant.key,
    path: `/v1/batches/${await batch(open, tenant)}/jobs`,
  }),
  "POST /v1/batches/{id}/cancel": async (open, tenant) => ({
    key: tenant.key,
    path: `/v1/batches/${await batch(open, tenant)}/cancel`,
  }),
  "POST /v1/batches/{id}/retry": async (open, tenant) => ({
    key: tenant.key,
    path: `/v1/batches/${await batch(open, tenant)}/retry`,
  }),
  "PATCH /v1/batches/{id}": async (open, tenant) => ({
    key: tenant.key,
    path: `/v1/batches/${await batch(open, tenant)}`,
    body: { shift_s: 60 },
  }),
  "POST /v1/schedules": async (open, tenant) => ({ key: tenant.key, body: await recurring(open, tenant) }),
  "GET /v1/schedules": async (open, tenant) => ({
    ...(await ofSchedule("")(open, tenant)),
    path: "/v1/schedules",
  }),
  "GET /v1/schedules/{id}": ofSchedule(""),
  "GET /v1/schedules/{id}/next": ofSchedule("/next"),
  "PATCH /v1/schedules/{id}": ofSchedule("", { cron: "@weekly", metadata: { team: "blue" } }),
  "POST /v1/schedules/{id}/pause": ofSchedule("/pause"),
  "POST /v1/schedules/{id}/resume": ofSchedule("/resume"),
  "DELETE /v1/schedules/{id}": ofSchedule(""),
  "PATCH /v1/jobs/{id}": async (open, tenant) => ({
    key: tenant.key,
    path: `/v1/jobs/${(await waiting(open, tenant)).id}`,
    body: { run_at: "2026-11-24T12:00:00Z", max_attempts: 3 },
  }),
  "POST /v1/accounts/{id}/pause": async (open, { key }) => ({
    key,
    path: `/v1/accounts/${await open.account(key)}/pause`,
  }),
  "GET /v1/accounts/{id}/limits": async (open, { key }) => ({
    key,
    path: `/v1/accounts/${await open.account(key)}/limits`,
  }),
  "POST /v1/accounts/{id}/resume": async (open, { key }) => ({
    key,
    path: `/v1/accounts/${await open.account(key)}/resume`,
  }),
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
  ...Object.fromEntries(
    ["timeline", "tweets", "mentions", "profile"].map((name): [string, Drive] => [
      `GET /v1/accounts/{id}/${name}`,
      async (open, { key }) => ({ key, path: `/v1/accounts/${await open.account(key)}/${name}` }),
    ]),
  ),
  "GET /v1/tweets/{x_id}": async (open, { key }) => ({
    key,
    path: `/v1/tweets/12?account_id=${await open.account(key)}`,
  }),
  "GET /v1/tweets": async (open, { key }) => ({
    key,
    path: `/v1/tweets?ids=12,13&account_id=${await open.account(key)}`,
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
  "GET /v1/usage": asClient,
  "GET /v1/audit": asClient,
  "POST /v1/clients/{id}/rotate-webhook-secret": async (_, { id, key }) => ({
    key,
    path: `/v1/clients/${id}/rotate-webhook-secret`,
  }),
  "POST /v1/webhook-endpoints": async (_, { key }) => ({ key, body: listening }),
  "GET /v1/webhook-endpoints": async (open, tenant) => {
    await endpoint(open, tenant);
    return { key: tenant.key };
  },
  "GET /v1/webhook-endpoints/{id}": ofEndpoint(""),
  "PATCH /v1/webhook-endpoints/{id}": ofEndpoint("", { description: "ours", state: "disabled" }),
  "DELETE /v1/webhook-endpoints/{id}": ofEndpoint(""),
  "POST /v1/webhook-endpoints/{id}/rotate-secret": ofEndpoint("/rotate-secret"),
  "POST /v1/webhook-endpoints/{id}/test": ofEndpoint("/test"),
  "POST /v1/webhook-endpoints/{id}/recover": ofEndpoint("/recover", { since: "2026-11-01T00:00:00Z" }),
  "GET /v1/webhook-endpoints/{id}/deliveries": ofEndpoint("/deliveries"),
  "GET /v1/events": async (open, tenant) => {
    await event(open, tenant);
    return { key: tenant.key };
  },
  "GET /v1/events/stream": asClient,
  "GET /v1/events/{id}": ofEvent(""),
  "GET /v1/events/{id}/deliveries": ofEvent("/deliveries"),
  "POST /v1/events/{id}/replay": ofEvent("/replay", {}),
};

/** A request that a route answers as it should. */
export async function drive(open: LeakDoor, tenant: Tenant, name: string): Promise<Step> {
  const driven = drives[name];
  if (!driven) throw new Error(`Nobody drives ${name}: put it into test/support/drives.ts`);
  const [method = "", path = ""] = name.split(" ");
  return { method, path, ...(await driven(open, tenant)) };
}
