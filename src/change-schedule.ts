import { z } from "zod";
import { Problem, type FieldError } from "#core/lib/problem";
import { nextTime } from "#core/lib/recurrence";
import * as schedules from "#core/store/schedules";
import type { ScheduleRow } from "#core/store/schedules";
import type { App } from "./app.ts";
import { audit } from "./audit.ts";
import type { Caller } from "./auth.ts";
import { ifMatch } from "./if-match.ts";
import { metadata } from "./order.ts";
import { defineRoute } from "./route.ts";
import { mediaErrors, neverErrors, recurrenceFields } from "./schedule-body.ts";
import { answer, databaseOf, findSchedule, scheduleId, scheduleSchema } from "./schedules.ts";
import { fieldErrors } from "./validate.ts";

const answers = { 200: { description: "The schedule as it is now.", schema: scheduleSchema } };
/** The clock may move it on meanwhile; so often it is read anew. */
const TRIES = 5;

const changes = z.strictObject({
  cron: recurrenceFields.cron.optional(),
  time_zone: recurrenceFields.time_zone.optional(),
  catch_up: recurrenceFields.catch_up.optional(),
  params: z.record(z.string(), z.unknown()).optional().describe("All of them; for the same account."),
  metadata: metadata.nullable().optional(),
});

/** PATCH /v1/schedules/{id}: another time, or another job, from now on. */
export const patchSchedule = defineRoute({
  method: "PATCH",
  path: "/v1/schedules/{id}",
  summary: "Change a schedule from now on; `If-Match` makes it safe",
  scope: "jobs:write",
  params: scheduleId,
  body: changes,
  example: { cron: "30 8 * * mon-fri" },
  answers,
  handle: ({ app, caller, request, params, body }) =>
    changed(
      app,
      caller,
      params.id,
      { action: "schedule.changed", detail: { fields: Object.keys(body) } },
      (row) => {
        ifMatch(request, row.sequence);
        return columnsOf(app, row, body);
      },
    ),
});

/** POST /v1/schedules/{id}/pause: no more jobs until it is resumed. */
export const pauseSchedule = defineRoute({
  method: "POST",
  path: "/v1/schedules/{id}/pause",
  summary: "Let a schedule make no jobs until it is resumed",
  scope: "jobs:write",
  params: scheduleId,
  answers,
  handle: ({ app, caller, params }) =>
    changed(app, caller, params.id, { action: "schedule.paused" }, (row) =>
      row.paused_at === null ? { next_at: null, paused_at: app.clock.now() } : null,
    ),
});

/** POST /v1/schedules/{id}/resume: it goes on with its next time; those that passed meanwhile were not missed. */
export const resumeSchedule = defineRoute({
  method: "POST",
  path: "/v1/schedules/{id}/resume",
  summary: "Let a paused schedule go on with its next time",
  scope: "jobs:write",
  params: scheduleId,
  answers,
  handle: ({ app, caller, params }) =>
    changed(app, caller, params.id, { action: "schedule.resumed" }, (row) =>
      row.paused_at === null ? null : { next_at: nextTime(row, app.clock.now()), paused_at: null },
    ),
});

type Columns = Parameters<typeof schedules.change>[2];
type Noted = { action: `schedule.${string}`; detail?: Record<string, unknown> };

/** Change a schedule as it stands; null: it is so already. */
async function changed(
  app: App,
  caller: Caller,
  id: string,
  noted: Noted,
  to: (row: ScheduleRow) => Columns | null,
): Promise<Response> {
  const db = databaseOf(app, id);
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const row = await findSchedule(app, caller, id);
    const columns = to(row);
    if (columns === null) return answer(row);
    const change = { client_id: row.client_id, subject: id, ...noted };
    const [result] = await db.batch([
      schedules.change(db, row, columns),
      audit(db, caller, change, app.clock.now()),
    ]);
    const after = (result?.results as ScheduleRow[] | undefined)?.[0];
    if (after) return answer(after);
  }
  throw new Problem("unavailable", { detail: "The schedule keeps changing" });
}

/** What a change comes to, read as a new schedule is. Throws 422. */
function columnsOf(app: App, row: ScheduleRow, body: z.output<typeof changes>): Columns | null {
  const { params, metadata: data, ...times } = body;
  const recurrence = { cron: times.cron ?? row.cron, time_zone: times.time_zone ?? row.time_zone };
  const errors: FieldError[] = neverErrors(recurrence, app.clock.now());
  const columns = { ...times } as Columns;
  if (params !== undefined) columns.params = readParams(app, row, params, errors);
  if (data !== undefined) columns.metadata = data === null ? null : JSON.stringify(data);
  if (errors.length > 0) throw new Problem("invalid", { errors });
  if (Object.keys(columns).length === 0) return null;
  const isMoved = times.cron !== undefined || times.time_zone !== undefined;
  if (isMoved && row.paused_at === null) columns.next_at = nextTime(recurrence, app.clock.now());
  return columns;
}

function readParams(
  app: App,
  row: ScheduleRow,
  params: Record<string, unknown>,
  errors: FieldError[],
): string {
  const kind = app.kinds.find(row.kind);
  const read = kind?.params.safeParse(params);
  if (!kind || !read?.success) {
    errors.push(...(read?.error ? fieldErrors(read.error, "/params") : []));
    return row.params;
  }
  if (read.data.account_id !== row.account_id)
    errors.push({
      pointer: "/params/account_id",
      code: "invalid_value",
      detail: "A schedule keeps its account",
    });
  errors.push(...mediaErrors({ kind, params: read.data, pointer: "/params" }));
  return JSON.stringify(read.data);
}
