import { z } from "zod";
import { isId } from "#core/lib/ids";
import { rfc3339 } from "#core/lib/clock";
import * as deliveries from "#core/store/deliveries";
import type { JobRow } from "#core/store/jobs";
import { shard, shards } from "#core/store/shard";
import { all, first } from "#core/store/sql";
import { clientOf } from "./auth.ts";
import { findEvent } from "./events.ts";
import { pageFields, pageFrom, pageOf } from "./lists.ts";
import { defineRoute } from "./route.ts";
import { findEndpoint } from "./managed-endpoint.ts";
import { endpointId } from "./webhook-endpoints.ts";

const time = z.iso.datetime().nullable();

const deliverySchema = z.strictObject({
  id: z.string(),
  event_id: z.string(),
  endpoint_id: z.string().nullable(),
  callback_url: z.string().nullable(),
  state: z
    .enum(["queued", "running", "waiting", "succeeded", "failed", "dead", "canceled"])
    .describe("`dead`: eight attempts failed. `failed`: it was not sent, or the receiver said 410."),
  created_at: z.iso.datetime(),
  finished_at: time,
  next_attempt_at: time,
  attempts: z.array(
    z.strictObject({
      at: z.iso.datetime(),
      status: z.int().nullable(),
      took_ms: z.int().nullable(),
      answer: z.string().nullable().describe("The first 1,024 bytes of it."),
      detail: z.string().nullable(),
    }),
  ),
});

type Attempt = {
  at: number;
  outcome: string;
  status?: number | null;
  took_ms?: number;
  answer?: string;
  detail?: string | null;
};

/** A delivery as the API shows it. */
function showDelivery(job: JobRow): z.output<typeof deliverySchema> {
  const { event_id, endpoint_id, callback_url } = deliveries.paramsOf(job);
  const attempts = (JSON.parse(job.log) as Attempt[]).filter(({ outcome }) => outcome !== "again");
  return {
    id: job.id,
    event_id,
    endpoint_id,
    callback_url,
    state: job.state === "unknown" ? "waiting" : job.state,
    created_at: new Date(job.created_at).toISOString(),
    finished_at: rfc3339(job.finished_at),
    next_attempt_at: rfc3339(job.finished_at === null && job.state !== "running" ? job.due_at : null),
    attempts: attempts.map(({ at, status, took_ms, answer, detail }) => ({
      at: new Date(at).toISOString(),
      status: status ?? null,
      took_ms: took_ms ?? null,
      answer: answer ?? null,
      detail: detail ?? null,
    })),
  };
}

/** GET /v1/events/{id}/deliveries */
export const eventDeliveries = defineRoute({
  method: "GET",
  path: "/v1/events/{id}/deliveries",
  summary: "List where an event was sent, and what came of it",
  scope: "jobs:read",
  params: z.strictObject({ id: z.string().refine((text) => isId("evt", text)) }),
  answers: { 200: { description: "Its deliveries, all of them.", schema: pageOf(deliverySchema) } },
  async handle({ app, caller, params }) {
    const { client_id, id } = await findEvent(app, caller, params.id);
    const db = shard(app.databases, id);
    const rows = db ? await all<JobRow>(deliveries.ofEvent(db, client_id, id)) : [];
    return Response.json({ data: rows.map(showDelivery), has_more: false, next_cursor: null });
  },
});

/** GET /v1/webhook-endpoints/{id}/deliveries: the newest events first, over all databases. */
export const endpointDeliveries = defineRoute({
  method: "GET",
  path: "/v1/webhook-endpoints/{id}/deliveries",
  summary: "List what was sent to an endpoint, the newest events first",
  scope: "jobs:read",
  params: endpointId,
  query: z.strictObject(pageFields("job")),
  answers: {
    200: {
      description: "A page of deliveries; a short page may have a cursor.",
      schema: pageOf(deliverySchema),
    },
  },
  async handle({ app, caller, params, query: { limit, cursor = "job_~" } }) {
    const endpoint = await findEndpoint(app, caller, params.id);
    const clientId = clientOf(caller);
    const parts = await Promise.all(
      shards(app.databases).map(async (name) => {
        const db = shard(app.databases, name);
        if (!db) return { rows: [], floor: null };
        return {
          rows: await all<JobRow>(deliveries.ofEndpoint(db, clientId, endpoint.id, cursor, limit + 1)),
          floor: await first<{ id: string }>(deliveries.floorOf(db, clientId, cursor)),
        };
      }),
    );
    // Where one of them stopped looking, the list stops too.
    const floor = parts
      .flatMap((part) => part.floor?.id ?? [])
      .sort()
      .at(-1);
    const rows = parts.map((part) => part.rows.filter(({ id }) => floor === undefined || id >= floor));
    const page = pageFrom(rows, limit, "newest");
    const more = page.has_more || floor === undefined ? page : { has_more: true, next_cursor: floor };
    return Response.json({
      data: page.rows.map(showDelivery),
      has_more: more.has_more,
      next_cursor: more.next_cursor,
    });
  },
});
