import { z } from "zod";
import { costOf, type Kind } from "#core/jobs/define";
import { WAKE_HORIZON_MS } from "#core/jobs/limits";
import { needsOf, type Needing } from "#core/jobs/needs";
import { wake, type Wake } from "#core/jobs/wake";
import { isId } from "#core/lib/ids";
import { steps } from "#core/lib/lifecycle";
import { Problem } from "#core/lib/problem";
import * as editJobs from "#core/store/edit-jobs";
import type { JobEdit } from "#core/store/edit-jobs";
import type { JobRow } from "#core/store/jobs";
import * as lanes from "#core/store/lanes";
import { shard } from "#core/store/shard";
import { amendmentOf, isShort } from "./amend-job.ts";
import type { App } from "./app.ts";
import type { Caller } from "./auth.ts";
import { mediaErrors } from "./check-media.ts";
import { ifMatch } from "./if-match.ts";
import { jobSchema } from "#core/jobs/view";
import { findJob } from "./jobs.ts";
import { show } from "./show-jobs.ts";
import { commonFields, metadata, readOrder } from "./order.ts";
import { defineRoute } from "./route.ts";

const WAKE_LIMIT_MS = 2_000;
/** Others may change the job between our look and our edit; so often we look again. */
const TRIES = 3;

const { run_at, expires_at, expires_after_s, max_attempts } = commonFields.shape;
const fields = z
  .strictObject({
    params: z
      .record(z.string(), z.unknown())
      .optional()
      .describe(
        "In place of the params; the account stays, and of a failed thread the tweets that are posted.",
      ),
    run_at,
    expires_at,
    expires_after_s,
    max_attempts,
    metadata: metadata.nullable().optional(),
  })
  .refine((body) => Object.keys(body).length > 0, "Nothing to change");

export type Fields = z.output<typeof fields>;

/**
 * PATCH /v1/jobs/{id}: change a job that has not been sent, or what a thread that failed has not sent yet. What it changes is in
 * what is sent, or it is refused: it counts only while the job is as it was read.
 */
export const patchJob = defineRoute({
  method: "PATCH",
  path: "/v1/jobs/{id}",
  summary:
    "Change a job that has not been sent, or the rest of a failed thread; with `If-Match` only as it was read",
  scope: "jobs:write",
  params: z.strictObject({ id: z.string().refine((text) => isId("job", text)) }),
  body: fields,
  example: { params: { text: "Stay, illusion!" } },
  answers: { 200: { description: "The job as it is now.", schema: jobSchema } },
  async handle({ app, caller, request, params, body }) {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const job = await findJob(app, caller, params.id);
      const kind = app.kinds.find(job.kind);
      if (!kind || !(isOpen(job) || isShort(kind, job))) throw sent(job);
      const isAsked = ifMatch(request, job.sequence);
      const change = isOpen(job) ? editOf(app, kind, job, body) : amendmentOf(app, kind, job, body);
      await checkMedia(app, caller, change);
      if (await edit(app, job, change)) {
        const now = await findJob(app, caller, params.id);
        return Response.json(await show(app, now), { headers: { etag: `"${now.sequence}"` } });
      }
      if (isAsked) break;
    }
    const job = await findJob(app, caller, params.id);
    throw isOpen(job) || isShort(app.kinds.find(job.kind), job)
      ? new Problem("precondition_failed", { detail: "Somebody else changed the job at the same time" })
      : sent(job);
  },
});

const sent = ({ state }: JobRow): Problem => new Problem("already_sent", { detail: `The job is ${state}` });

/** What may be canceled may be changed. */
const isOpen = ({ state }: JobRow): boolean => (steps.cancel.from as readonly string[]).includes(state);

/** A change, as its first statement writes it or does not, and what the job needs then. */
export type Change = {
  needing: Needing;
  is_new: boolean;
  write: (db: D1Database, now: number | null) => [D1PreparedStatement, moved?: D1PreparedStatement];
};

/** New params may name media: those must be there. */
async function checkMedia(app: App, caller: Caller, { needing, is_new }: Change): Promise<void> {
  const [errors = []] = is_new ? await mediaErrors(app, caller, [{ ...needing, pointer: "/params" }]) : [];
  if (errors.length > 0) throw new Problem("invalid", { errors });
}

/** What the edit makes of the job, checked as when it was taken. Throws every mistake. */
function editOf(app: App, kind: Kind, job: JobRow, body: Fields): Change {
  const { params, metadata: given, ...common } = body;
  if (params && job.checkpoint !== null)
    throw new Problem("already_sent", { detail: "The job has begun: its params stay as they are" });
  if (params?.account_id !== undefined && params.account_id !== job.account_id)
    throw new Problem("invalid", {
      errors: [{ pointer: "/params/account_id", code: "immutable", detail: "A job stays with its account" }],
    });
  const now = app.clock.now();
  const due_at = job.due_at > now ? { run_at: new Date(job.due_at).toISOString() } : {};
  const stored = JSON.parse(job.params) as unknown;
  const order = readOrder(
    kind,
    { ...due_at, ...common, params: params ? { ...params, account_id: job.account_id } : stored },
    now,
    "params",
  );
  const change: JobEdit = {
    client_id: job.client_id,
    id: job.id,
    sequence: job.sequence,
    params: params ? JSON.stringify(order.params) : null,
    run_at: body.run_at === undefined ? null : order.run_at,
    expires_at: order.expires_at,
    expires_after_ms: order.expires_after_ms ?? null,
    max_attempts: order.max_attempts,
    metadata: given === undefined ? undefined : given === null ? null : JSON.stringify(given),
    cost: params ? costOf(order, app.prices) : null,
  };
  return {
    needing: { ...order, client_id: job.client_id, job_id: job.id },
    is_new: params !== undefined,
    write: (db, now) => [
      editJobs.edit(db, now, change),
      lanes.reschedule(db, now, job.client_id, { from: job.id, to: job.id }),
    ],
  };
}

/** Whether the job was still as it was read, and is changed. */
async function edit(app: App, job: JobRow, { needing, write }: Change): Promise<boolean> {
  const db = shard(app.databases, job.id);
  if (!db) throw new Problem("unavailable");
  const now = app.clock.stored();
  const [edit, ...moving] = write(db, now);
  const needs = await needsOf(db, [needing], { now: app.clock.now(), stored: now });
  const [edited, moved] = await db.batch([edit, ...moving.filter((one) => one !== undefined), ...needs]);
  const lanesMoved = moving.length > 0 ? (moved?.results as Wake[]) : [];
  const soon = lanesMoved.filter(({ wait_ms }) => wait_ms <= WAKE_HORIZON_MS);
  app.later(wake(app, soon, WAKE_LIMIT_MS));
  if (edited?.results.length !== 1) return false;
  app.log("job.edited", { job: job.id });
  return true;
}
