import { ADMIN_KEY, RETURN_URL, type Body, type Door } from "./door.ts";

type Tenant = Awaited<ReturnType<Door["tenant"]>>;
/** Makes what a path is about, and says its id. */
type Make = (door: Door, tenant: Tenant) => Promise<string>;

const made =
  (path: string, bodyOf: (tenant: Tenant) => object): Make =>
  async (door, tenant) => {
    const { body } = await door.call("POST", path, { key: tenant.key, body: bodyOf(tenant) });
    return body.id;
  };

const endpoint = made("/v1/webhook-endpoints", () => ({ url: "https://me.shop.com/", events: ["job.*"] }));

/** By path, what must be there before its example does what it says. */
const things: Record<string, Make> = {
  "/v1/jobs/{id}": async (_, { post }) => (await post()).body.id,
  "/v1/jobs/{id}/resolve": async (door, { post }) => {
    const { id } = (await post()).body;
    await door.setJob(id, { state: "unknown", open: null, maybe_sent: 2, attempts: 1 });
    return id;
  },
  "/v1/batches/{id}": made("/v1/batches", ({ account_id }) => ({ items: [{ account_id, text: "hello" }] })),
  "/v1/schedules/{id}": made("/v1/schedules", ({ account_id }) => ({
    cron: "0 9 * * *",
    time_zone: "UTC",
    kind: "tweet.create",
    params: { account_id, text: "hello" },
  })),
  "/v1/accounts/{id}": async (_, { account_id }) => account_id,
  "/v1/apps/{id}": made("/v1/apps", () => ({ x_client_id: "abcdefgh" })),
  "/v1/clients/{id}": async (_, { id }) => id,
  "/v1/webhook-endpoints/{id}": endpoint,
  "/v1/webhook-endpoints/{id}/recover": endpoint,
  "/v1/events/{id}/replay": async (door, tenant) => {
    await door.call("POST", `/v1/accounts/${tenant.account_id}/pause`, { key: tenant.key });
    const to = await endpoint(door, tenant);
    const { body } = await door.call("POST", `/v1/webhook-endpoints/${to}/test`, { key: tenant.key });
    return body.event_id as string;
  },
};

/** Send the example of a route, for a tenant that has what it speaks of. */
export async function sendExample(
  door: Door,
  { method, path, example, admin }: { method: string; path: string; example: unknown; admin: boolean },
): Promise<{ status: number; body: Body }> {
  const tenant = await door.tenant();
  const id = path.includes("{id}") ? await things[path]?.(door, tenant) : "";
  const key = admin ? ADMIN_KEY : tenant.key;
  const sent = JSON.stringify(example)
    .replaceAll(/acc_\w+/g, tenant.account_id)
    .replaceAll(/cli_\w+/g, tenant.id)
    .replaceAll("https://app.example/connected", RETURN_URL);
  return door.call(method, path.replace("{id}", id ?? ""), { key, body: JSON.parse(sent) as unknown });
}
