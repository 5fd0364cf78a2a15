import { z } from "zod";
import { tweetCreate } from "#core/jobs/kinds/tweet-create";
import { rfc3339 } from "#core/lib/clock";
import { isId, newId, shardOf } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import { nextTime, nextTimes } from "#core/lib/recurrence";
import * as schedules from "#core/store/schedules";
import type { NewSchedule, ScheduleRow } from "#core/store/schedules";
import { shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import { claimId } from "./accept.ts";
import type { App } from "./app.ts";
import { audit } from "./audit.ts";
import { clientOf, mayUse, type Caller } from "./auth.ts";
import { checkCallback } from "./callback.ts";
import { everywhere, pageFields, pageFrom, pageOf } from "./lists.ts";
import { defineRoute } from "./route.ts";
import { readSchedule, recurrenceFields, scheduleBody } from "./schedule-body.ts";
import { anyObject } from "./tweets.ts";

const time = z.iso.datetime().nullable();
const NEXT = 10;

/** A schedule as the API shows it. */
export const scheduleSchema = z.strictObject({
  id: z.string(),
  state: z.enum(["active", "paused", "ended"]).describe("`ended`: no time will come any more."),
  ...recurrenceFields,
  account_id: z.string(),
  kind: z.string(),
  params: z.record(z.string(), z.unknown()),
  next_at: time.describe("The next time that has made no job yet."),
  fired: z.int().describe("How many jobs it has made."),
  last_at: time,
  last_job_id: z.string().nullable(),
  skipped: z
    .strictObject({ count: z.int(), from: time, to: time })
    .describe("Times that made no job, and the first and the last of those that were skipped together last."),
  metadata: z.record(z.string(), z.unknown()).nullable(),
  created_at: z.iso.datetime(),
});

/** The path parameter of a schedule. */
export const scheduleId = z.strictObject({ id: z.string().refine((text) => isId("sch", text)) });

/** POST /v1/schedules: a job that comes again and again. */
export const postSchedule = defineRoute({
  method: "POST",
  path: "/v1/schedules",
  summary: "Make a schedule: a job at each time of a cron expression",
  scope: "jobs:write",
  body: anyObject,
  shown: scheduleBody,
  example: { cron: "0 9 * * mon-fri", time_zone: "Europe/Berlin", params: tweetCreate.example },
  answers: { 201: { description: "The schedule.", schema: scheduleSchema } },
  async handle(call) {
    const { app, caller, body } = call;
    const now = app.clock.now();
    const { recurrence, fields } = readSchedule(app, body, now);
    const client_id = clientOf(caller);
    const { account_id, kind, any_order, max_attempts, metadata, callback_url = null } = fields;
    const told = { client_id, callback_url };
    if (!mayUse(caller, account_id))
      throw new Problem("insufficient_scope", { detail: "This key does not reach that account" });
    await checkCallback(app, told);
    const { id } = await claimId(call, client_id, newId("sch", shardOf(account_id), now));
    const row: NewSchedule = {
      client_id,
      id,
      account_id,
      kind: kind.name,
      params: JSON.stringify(fields.params),
      ...recurrence,
      any_order: any_order ? 1 : 0,
      max_attempts,
      expires_after_ms: fields.expires_after_ms ?? null,
      metadata: metadata === null ? null : JSON.stringify(metadata),
      callback_url: told.callback_url,
      next_at: nextTime(recurrence, now),
      created_at: now,
    };
    const db = databaseOf(app, id);
    const change = { client_id, action: "schedule.created" as const, subject: id };
    await db.batch([
      schedules.insert(db, row),
      audit(db, caller, { ...change, detail: { ...recurrence } }, now),
    ]);
    const made = await first<ScheduleRow>(schedules.find(db, client_id, id));
    if (!made) throw accountNotFound(fields.pointer);
    return answer(made, { status: 201, headers: { location: `/v1/schedules/${id}` } });
  },
});

/** GET /v1/schedules: in the order in which they were made. */
export const listSchedules = defineRoute({
  method: "GET",
  path: "/v1/schedules",
  summary: "List schedules",
  scope: "jobs:read",
  query: z.strictObject(pageFields("sch")),
  answers: { 200: { description: "A page of schedules.", schema: pageOf(scheduleSchema) } },
  async handle({ app, caller, query: { limit, cursor = "" } }) {
    const parts = await everywhere<ScheduleRow>(app, (db) =>
      schedules.list(db, clientOf(caller), cursor, caller.account_ids, limit + 1),
    );
    const { rows, ...more } = pageFrom(parts, limit, "oldest");
    return Response.json({ data: rows.map(scheduleView), ...more });
  },
});

/** GET /v1/schedules/{id} */
export const getSchedule = defineRoute({
  method: "GET",
  path: "/v1/schedules/{id}",
  summary: "Read a schedule: when it comes next, what it made and what it skipped",
  scope: "jobs:read",
  params: scheduleId,
  answers: { 200: { description: "The schedule.", schema: scheduleSchema } },
  async handle({ app, caller, params }) {
    return answer(await findSchedule(app, caller, params.id));
  },
});

/** GET /v1/schedules/{id}/next: its next ten times, of a paused one as if it were resumed now. */
export const getNext = defineRoute({
  method: "GET",
  path: "/v1/schedules/{id}/next",
  summary: "The next ten times of a schedule",
  scope: "jobs:read",
  params: scheduleId,
  answers: {
    200: {
      description: "Its times, the earliest first.",
      schema: z.strictObject({ times: z.array(z.iso.datetime()) }),
    },
  },
  async handle({ app, caller, params }) {
    const row = await findSchedule(app, caller, params.id);
    const times = nextTimes(row, row.next_at === null ? app.clock.now() : row.next_at - 1, NEXT);
    return Response.json({ times: times.map((at) => new Date(at).toISOString()) });
  },
});

/** DELETE /v1/schedules/{id}: no more jobs; those that it has made stay. */
export const deleteSchedule = defineRoute({
  method: "DELETE",
  path: "/v1/schedules/{id}",
  summary: "Delete a schedule; the jobs that it has made stay",
  scope: "jobs:write",
  params: scheduleId,
  answers: { 204: { description: "It is gone.", schema: null } },
  async handle({ app, caller, params }) {
    const { client_id, id, cron, time_zone } = await findSchedule(app, caller, params.id);
    const db = databaseOf(app, id);
    const change = {
      client_id,
      action: "schedule.deleted" as const,
      subject: id,
      detail: { cron, time_zone },
    };
    await db.batch([schedules.remove(db, { client_id, id }), audit(db, caller, change, app.clock.now())]);
    return new Response(null, { status: 204 });
  },
});

/** A schedule of the caller's. Another's is not found. */
export async function findSchedule(app: App, caller: Caller, id: string): Promise<ScheduleRow> {
  const row = await first<ScheduleRow>(schedules.find(databaseOf(app, id), clientOf(caller), id));
  if (!row || !mayUse(caller, row.account_id)) throw new Problem("not_found", { detail: "No such schedule" });
  return row;
}

/** The database on which a schedule stands. */
export function databaseOf(app: App, id: string): D1Database {
  const db = shard(app.databases, id);
  if (!db) throw new Problem("not_found", { detail: "No such schedule" });
  return db;
}

/** A schedule with its ETag. */
export const answer = (row: ScheduleRow, { status = 200, headers = {} } = {}): Response =>
  Response.json(scheduleView(row), { status, headers: { etag: `"${row.sequence}"`, ...headers } });

function scheduleView(row: ScheduleRow): z.output<typeof scheduleSchema> {
  const { id, cron, time_zone, catch_up, account_id, kind, fired, last_job_id } = row;
  return {
    id,
    state: row.paused_at !== null ? "paused" : row.next_at === null ? "ended" : "active",
    cron,
    time_zone,
    catch_up,
    account_id,
    kind,
    params: JSON.parse(row.params) as Record<string, unknown>,
    next_at: rfc3339(row.next_at),
    fired,
    last_at: rfc3339(row.last_at),
    last_job_id,
    skipped: { count: row.skipped, from: rfc3339(row.skipped_from), to: rfc3339(row.skipped_to) },
    metadata: row.metadata === null ? null : (JSON.parse(row.metadata) as Record<string, unknown>),
    created_at: new Date(row.created_at).toISOString(),
  };
}

const accountNotFound = (pointer: string): Problem =>
  new Problem("not_found", {
    detail: "No such account, or one that was disconnected",
    errors: [{ pointer: `${pointer}/account_id`, code: "not_found", detail: "No such account" }],
  });
