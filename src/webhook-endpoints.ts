import { z } from "zod";
import { isId, newId, shardOf } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import { URL_LENGTH } from "#core/lib/public-url";
import * as deliveries from "#core/store/deliveries";
import * as endpoints from "#core/store/endpoints";
import type { EndpointRow } from "#core/store/endpoints";
import * as gates from "#core/store/gates";
import * as jobSteps from "#core/store/job-steps";
import { shard } from "#core/store/shard";
import { all, first } from "#core/store/sql";
import { disableEndpoint, endpointGate } from "#core/webhooks/endpoint-health";
import { showEndpoint } from "#core/webhooks/endpoint-view";
import { eventTypes } from "#core/webhooks/events";
import { secretPlace } from "#core/webhooks/secrets";
import { makeSecret } from "#core/webhooks/sign";
import { tell } from "#core/jobs/tell";
import type { App } from "./app.ts";
import { clientOf } from "./auth.ts";
import { pageFields, pageFrom, pageOf } from "./lists.ts";
import { checkUrl, databasesOf, everywhere, findEndpoint, mustReach, reaches } from "./managed-endpoint.ts";
import { defineRoute } from "./route.ts";
import { webhookRingOf } from "./webhook-ring.ts";

/** More would make every event of a client a burst of its own. */
const MOST = 100;
const ROUND = 2_000;

const types = Object.keys(eventTypes);
const patterns = ["*", ...new Set(types.map((type) => `${type.split(".")[0] ?? ""}.*`))];

const eventFilter = z
  .array(
    z
      .string()
      .refine(
        (text) => types.includes(text) || patterns.includes(text),
        "No such event, and no pattern of any",
      ),
  )
  .min(1)
  .max(50)
  .describe(`Types, or patterns: ${patterns.join(", ")}.`);

const accountIds = z
  .array(z.string().refine((text) => isId("acc", text), "Not an account id (acc_…)"))
  .min(1)
  .max(1000)
  .nullable()
  .describe("Only what concerns these accounts; null: everything.");

const description = z.string().max(500);

/** The address of a receiver. Whether it may be called is said by `checkUrl`. */
const url = z
  .string()
  .max(URL_LENGTH)
  .nullable()
  .describe("Where it is sent to by POST; null: it is read at /v1/events.");

export const endpointSchema = z.strictObject({
  id: z.string(),
  url: z.string().nullable(),
  events: z.array(z.string()),
  account_ids: z.array(z.string()).nullable(),
  description: z.string(),
  state: z.enum(["enabled", "disabled"]),
  disabled_reason: z.enum(["asked", "gone", "failing"]).nullable(),
  failing_since: z.iso.datetime().nullable(),
  created_at: z.iso.datetime(),
});

const withSecret = endpointSchema.extend({ secret: z.string().describe("Shown in this answer alone.") });

export const endpointId = z.strictObject({ id: z.string().refine((text) => isId("whe", text)) });

/** POST /v1/webhook-endpoints */
export const postEndpoint = defineRoute({
  method: "POST",
  path: "/v1/webhook-endpoints",
  summary: "Make a webhook endpoint",
  scope: "webhooks:write",
  body: z.strictObject({
    url: url.default(null),
    events: eventFilter,
    account_ids: accountIds.default(null),
    description: description.default(""),
  }),
  example: { url: "https://hooks.example.com/jobs", events: ["job.*", "batch.completed"] },
  answers: { 201: { description: "The endpoint, with its secret.", schema: withSecret } },
  async handle({ app, caller, body }) {
    const client_id = clientOf(caller);
    mustReach(caller, body.account_ids);
    const address = checkUrl(app, "/url", body.url);
    const home = shard(app.databases, client_id);
    const counted = home && (await first<{ count: number }>(endpoints.count(home, client_id)));
    if ((counted?.count ?? 0) >= MOST)
      throw new Problem("too_many_endpoints", { detail: `A client may have ${MOST}` });
    const now = app.clock.now();
    const id = newId("whe", shardOf(client_id), now);
    const secret = makeSecret();
    const ring = await webhookRingOf(app);
    const row: EndpointRow = {
      client_id,
      id,
      url: address,
      events: JSON.stringify(body.events),
      account_ids: body.account_ids && JSON.stringify(body.account_ids),
      description: body.description,
      state: "enabled",
      disabled_reason: null,
      secret: await ring.seal(secret, secretPlace(id)),
      old_secret: null,
      old_secret_until: null,
      failing_since: null,
      warned_at: null,
      created_at: now,
      updated_at: now,
    };
    await everywhere(app, caller, row, "endpoint.created", (db) => [endpoints.insert(db, row)]);
    return Response.json(
      { ...showEndpoint(row), secret },
      { status: 201, headers: { location: `/v1/webhook-endpoints/${id}` } },
    );
  },
});

/** GET /v1/webhook-endpoints: in the order of their making. */
export const listEndpoints = defineRoute({
  method: "GET",
  path: "/v1/webhook-endpoints",
  summary: "List webhook endpoints",
  scope: "jobs:read",
  query: z.strictObject(pageFields("whe")),
  answers: { 200: { description: "A page of endpoints.", schema: pageOf(endpointSchema) } },
  async handle({ app, caller, query: { limit, cursor = "" } }) {
    const client_id = clientOf(caller);
    const home = shard(app.databases, client_id);
    const found = home ? await all<EndpointRow>(endpoints.list(home, client_id, cursor, limit + 1)) : [];
    const { rows, ...more } = pageFrom([found], limit, "oldest");
    return Response.json({ data: rows.filter((row) => reaches(caller, row)).map(showEndpoint), ...more });
  },
});

/** GET /v1/webhook-endpoints/{id} */
export const getEndpoint = defineRoute({
  method: "GET",
  path: "/v1/webhook-endpoints/{id}",
  summary: "Read a webhook endpoint",
  scope: "jobs:read",
  params: endpointId,
  answers: { 200: { description: "The endpoint.", schema: endpointSchema } },
  handle: async ({ app, caller, params }) =>
    Response.json(showEndpoint(await findEndpoint(app, caller, params.id))),
});

/** PATCH /v1/webhook-endpoints/{id}: what is left out stays as it is. Enabled again, it gets what waited for it. */
export const patchEndpoint = defineRoute({
  method: "PATCH",
  path: "/v1/webhook-endpoints/{id}",
  summary: "Change, disable or enable a webhook endpoint",
  scope: "webhooks:write",
  params: endpointId,
  body: z.strictObject({
    url: url.optional(),
    events: eventFilter.optional(),
    account_ids: accountIds.optional(),
    description: description.optional(),
    state: z.enum(["enabled", "disabled"]).optional(),
  }),
  example: { events: ["*"] },
  answers: { 200: { description: "The endpoint as it is now.", schema: endpointSchema } },
  async handle({ app, caller, params, body }) {
    const row = await findEndpoint(app, caller, params.id);
    if (body.account_ids !== undefined) mustReach(caller, body.account_ids);
    const columns = {
      ...(body.url !== undefined && { url: checkUrl(app, "/url", body.url) }),
      ...(body.events && { events: JSON.stringify(body.events) }),
      ...(body.account_ids !== undefined && {
        account_ids: body.account_ids && JSON.stringify(body.account_ids),
      }),
      ...(body.description !== undefined && { description: body.description }),
      ...(body.state === "enabled" && {
        state: body.state,
        disabled_reason: null,
        failing_since: null,
        warned_at: null,
      }),
    };
    const now = app.clock.now();
    if (Object.keys(columns).length > 0)
      await everywhere(app, caller, row, "endpoint.changed", (db) => [endpoints.set(db, row, columns, now)]);
    if (body.state === "enabled" && row.state === "disabled") await reopen(app, row);
    if (body.state === "disabled") await disableEndpoint(app, row, "asked");
    return Response.json(showEndpoint(await findEndpoint(app, caller, params.id)));
  },
});

/** DELETE /v1/webhook-endpoints/{id}: what was to be sent to it is canceled; its events stay. */
export const deleteEndpoint = defineRoute({
  method: "DELETE",
  path: "/v1/webhook-endpoints/{id}",
  summary: "Delete a webhook endpoint",
  scope: "webhooks:write",
  params: endpointId,
  answers: { 204: { description: "It is gone.", schema: null } },
  async handle({ app, caller, params }) {
    const row = await findEndpoint(app, caller, params.id);
    const gate = endpointGate(row);
    await everywhere(app, caller, row, "endpoint.deleted", (db) => [endpoints.remove(db, row)]);
    for (const db of databasesOf(app)) {
      for (const { lane } of await all<{ lane: string }>(deliveries.lanesOf(db, gate)))
        while (
          (await all(jobSteps.cancelLane(db, app.clock.stored(), row.client_id, lane, ROUND))).length ===
          ROUND
        );
      await gates.remove(db, gate).run();
    }
    return new Response(null, { status: 204 });
  },
});

/** Its gate opens, on every database, and its lanes are woken. */
async function reopen(app: App, row: EndpointRow): Promise<void> {
  const gate = endpointGate(row);
  for (const db of databasesOf(app)) {
    const [, lanes] = await db.batch<deliveries.DueLane>([
      gates.remove(db, gate),
      deliveries.hurry(db, app.clock.stored(), gate),
    ]);
    app.later(tell(app, lanes?.results ?? []));
  }
}
