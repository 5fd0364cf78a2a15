import { z } from "zod";
import { isId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as deliveries from "#core/store/deliveries";
import * as events from "#core/store/events";
import type { TellingRow } from "#core/store/events";
import { shard, shards } from "#core/store/shard";
import { all, first } from "#core/store/sql";
import { tellingView } from "#core/jobs/telling-view";
import { eventTypes } from "#core/webhooks/events";
import type { App } from "./app.ts";
import { clientOf, type Caller } from "./auth.ts";
import { eventSchema } from "./event-schema.ts";
import { pageOf } from "./lists.ts";
import { defineRoute } from "./route.ts";
import { findEndpoint } from "./managed-endpoint.ts";
import { tellAll } from "./tell-all.ts";

/** Databases have clocks of their own: where there are several, what is younger may still get a neighbour that is older. */
const SETTLED_MS = 2_000;
const MOST_DELIVERIES = 1_000;

const eventId = z.string().refine((text) => isId("evt", text), "Not an event id (evt_…)");

const type = z
  .string()
  .max(64)
  .regex(/^[a-z_]+\.([a-z_]+|\*)$/, "A type, or a pattern such as job.*")
  .optional()
  .describe(`One of ${Object.keys(eventTypes).join(", ")}; or a pattern such as \`job.*\`.`);

const byId = z.strictObject({ id: eventId });

/** GET /v1/events: what happened after an event, the oldest first. */
export const listEvents = defineRoute({
  method: "GET",
  path: "/v1/events",
  summary: "Read what happened, the oldest first; `after` the last event one has",
  scope: "jobs:read",
  query: z.strictObject({
    after: eventId.optional(),
    type,
    limit: z.coerce.number().int().min(1).max(100).default(20),
  }),
  answers: {
    200: {
      description:
        "A page of events. `next_cursor` is the next `after`, also when there is nothing more yet.",
      schema: pageOf(eventSchema),
    },
  },
  async handle({ app, caller, query: { after = "", limit, type } }) {
    const page = await eventsAfter(app, caller, { after, type: type ?? "*" }, limit);
    return Response.json({
      data: page.rows.map((row) => tellingView(row, app.kinds)),
      has_more: page.has_more,
      next_cursor: page.last === "" ? null : page.last,
    });
  },
});

/** GET /v1/events/{id} */
export const getEvent = defineRoute({
  method: "GET",
  path: "/v1/events/{id}",
  summary: "Read an event",
  scope: "jobs:read",
  params: byId,
  answers: { 200: { description: "The event.", schema: eventSchema } },
  handle: async ({ app, caller, params }) =>
    Response.json(tellingView(await findEvent(app, caller, params.id), app.kinds)),
});

/** POST /v1/events/{id}/replay: to those that want it, or to the endpoint that is named. */
export const replayEvent = defineRoute({
  method: "POST",
  path: "/v1/events/{id}/replay",
  summary: "Send an event again, to all that want it or to one endpoint",
  scope: "webhooks:write",
  params: byId,
  body: z.strictObject({
    endpoint_id: z
      .string()
      .refine((text) => isId("whe", text), "Not an endpoint id (whe_…)")
      .optional(),
  }),
  example: {},
  answers: {
    202: {
      description: "How many deliveries were made. One that is under way already is not made again.",
      schema: z.strictObject({ deliveries: z.int() }),
    },
  },
  async handle({ app, caller, params, body }) {
    const event = await findEvent(app, caller, params.id);
    const db = shard(app.databases, event.id);
    if (!db) throw new Problem("unavailable");
    if (body.endpoint_id !== undefined) {
      const endpoint = await findEndpoint(app, caller, body.endpoint_id);
      if (endpoint.state === "disabled") throw new Problem("endpoint_disabled");
    }
    const { client_id, id } = event;
    const what = {
      client_id,
      from: id,
      to: id,
      endpoint_id: body.endpoint_id ?? null,
      even_if: "had",
    } as const;
    const sent = await all(deliveries.resend(db, app.clock.stored(), what, MOST_DELIVERIES));
    app.later(tellAll(app, client_id));
    return Response.json({ deliveries: sent.length }, { status: 202 });
  },
});

/** An event that the caller may see. */
export async function findEvent(app: App, caller: Caller, id: string): Promise<TellingRow> {
  const db = shard(app.databases, id);
  const row = db && (await first<TellingRow>(events.find(db, clientOf(caller), id)));
  if (!row || !maySee(caller, row)) throw new Problem("not_found", { detail: "No such event" });
  return row;
}

const maySee = ({ account_ids }: Caller, { account_id }: TellingRow): boolean =>
  account_ids === null || (account_id !== null && account_ids.includes(account_id));

export type EventPage = { rows: TellingRow[]; has_more: boolean; last: string };

/**
 * A client's events after an id, over all databases, in the order in which they were written: whoever goes on from `last`
 * misses none.
 */
export async function eventsAfter(
  app: App,
  caller: Caller,
  { after, type }: { after: string; type: string },
  limit: number,
): Promise<EventPage> {
  const clientId = clientOf(caller);
  const names = shards(app.databases);
  const before = names.length > 1 ? events.floorAt(app.clock.now() - SETTLED_MS) : "evt_~";
  const filter = { after, before, type, accounts: caller.account_ids };
  const parts = await Promise.all(
    names.map(async (name) => {
      const db = shard(app.databases, name);
      if (!db) return { rows: [], ceiling: null };
      const [listed, ceiling] = await db.batch<TellingRow>([
        events.list(db, clientId, filter, limit + 1),
        events.listCeiling(db, clientId, after),
      ]);
      return { rows: listed?.results ?? [], ceiling: ceiling?.results[0]?.id ?? null };
    }),
  );
  // Beyond where one of them stopped looking, nothing is known of it.
  const ceilings = parts.flatMap(({ ceiling }) => ceiling ?? []).sort();
  const known = ceilings[0] ?? "~";
  const rows = parts
    .flatMap((part) => part.rows)
    .filter(({ id }) => id <= known)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const page = rows.slice(0, limit);
  const cut = rows.length > limit;
  const last = cut || ceilings.length === 0 ? (page.at(-1)?.id ?? after) : known;
  return { rows: page, has_more: cut || ceilings.length > 0, last };
}
