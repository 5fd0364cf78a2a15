import { z } from "zod";
import { EXPIRES_AFTER_MS } from "#core/jobs/limits";
import { batchEnds, batchesMoved, touchOf } from "#core/jobs/batch-ends";
import { gatesOf } from "#core/jobs/define";
import { wake, type Wake } from "#core/jobs/wake";
import { kinds } from "#core/jobs/kinds/index";
import { tweetCreate } from "#core/jobs/kinds/tweet-create";
import { isId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as gates from "#core/store/gates";
import * as jobs from "#core/store/jobs";
import type { JobRow } from "#core/store/jobs";
import * as lanes from "#core/store/lanes";
import { shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import { accept, accepted } from "./accept.ts";
import type { App } from "./app.ts";
import { clientOf, mayUse, type Caller } from "./auth.ts";
import { isSettled, jobSchema } from "#core/jobs/view";
import { show } from "./show-jobs.ts";
import { anyJob, commonErrors, readOrder } from "./order.ts";
import { waitOf } from "./prefer.ts";
import { defineRoute } from "./route.ts";
import { anyObject } from "./tweets.ts";
import { tellAll } from "./tell-all.ts";

const jobId = z.strictObject({ id: z.string().refine((text) => isId("job", text)) });
const WAKE_LIMIT_MS = 2_000;

/** POST /v1/jobs: a job of any kind. */
export const postJob = defineRoute({
  method: "POST",
  path: "/v1/jobs",
  summary: "Take a job of any kind",
  scope: "jobs:write",
  body: anyObject,
  shown: anyJob(kinds),
  example: { kind: tweetCreate.name, params: tweetCreate.example },
  answers: accepted,
  handle: (call) => {
    const { app, body } = call;
    const kind =
      typeof body.kind === "string" && app.kinds.names.includes(body.kind) ? app.kinds.find(body.kind) : null;
    const detail = `One of ${app.kinds.names.join(", ")}`;
    if (!kind)
      throw new Problem("invalid", {
        errors: [{ pointer: "/kind", code: "invalid_value", detail }, ...commonErrors(body, app.clock.now())],
      });
    return accept(call, (now) => readOrder(kind, body, now, "params"));
  },
});

/** GET /v1/jobs/{id}, which may wait for the end. */
export const getJob = defineRoute({
  method: "GET",
  path: "/v1/jobs/{id}",
  summary: "Read a job; `Prefer: wait=30` holds until it has ended",
  scope: "jobs:read",
  params: jobId,
  answers: { 200: { description: "The job.", schema: jobSchema } },
  async handle({ app, caller, request, params }) {
    const wait_s = waitOf(request);
    const job = await untilSettled(app, caller, params.id, wait_s ?? 0);
    return Response.json(await show(app, job), {
      headers: {
        etag: `"${job.sequence}"`,
        ...(wait_s !== null && { "preference-applied": `wait=${wait_s}` }),
      },
    });
  },
});

/** POST /v1/jobs/{id}/cancel, which answers truthfully: 200 canceled, 202 in flight, 409 already sent. */
export const cancelJob = defineRoute({
  method: "POST",
  path: "/v1/jobs/{id}/cancel",
  summary: "Cancel a job that has not been sent",
  scope: "jobs:write",
  params: jobId,
  answers: {
    200: {
      description: "Canceled. A thread that stopped short stays as it is, and holds its account no more.",
      schema: jobSchema,
    },
    202: { description: "In flight: it is canceled if it comes back unsent.", schema: jobSchema },
  },
  async handle({ app, caller, params }) {
    const before = await findJob(app, caller, params.id);
    const { client_id, id } = before;
    const db = databaseOf(app, id);
    const [, asked, released, hurried] = await db.batch([
      jobs.cancel(db, app.clock.stored(), client_id, id),
      jobs.requestCancel(db, client_id, id),
      gates.letGo(db, client_id, [id]),
      // It may have held its lane while it backed off, or when it stopped short.
      lanes.hurry(db, app.clock.stored(), client_id, id),
      ...batchEnds(db, app.clock.stored(), touchOf(before)),
    ]);
    app.later(wake(app, hurried?.results as Wake[], WAKE_LIMIT_MS));
    const job = await findJob(app, caller, id);
    if (job.state === "canceled") {
      app.later(tellAll(app, client_id));
      return Response.json(await show(app, job));
    }
    // What failed stays failed, but its client has given up what it held.
    if (released?.results.length === 1) return Response.json(await show(app, job));
    if (asked?.results.length === 1) return Response.json(await show(app, job), { status: 202 });
    throw new Problem("already_sent", { detail: `The job is ${job.state}` });
  },
});

/** POST /v1/jobs/{id}/retry: a failed or dead job is given a new life, at the end of its lane's line. */
export const retryJob = defineRoute({
  method: "POST",
  path: "/v1/jobs/{id}/retry",
  summary: "Try a failed or dead job again",
  scope: "jobs:write",
  params: jobId,
  answers: { 202: { description: "The job, queued again.", schema: jobSchema } },
  async handle({ app, caller, params }) {
    const { client_id, id, kind: name } = await findJob(app, caller, params.id);
    const kind = app.kinds.find(name);
    if (!kind) throw new Problem("not_retryable", { detail: `This version has no ${name}` });
    const db = databaseOf(app, id);
    const now = app.clock.stored();
    const [redriven, , scheduled] = await db.batch([
      jobs.redrive(db, now, client_id, [id], EXPIRES_AFTER_MS),
      gates.release(db, client_id, [id]),
      lanes.schedule(db, now, [{ client_id, id, gates: gatesOf(kind) }]),
    ]);
    const job = await findJob(app, caller, id);
    if (redriven?.results.length === 0)
      throw new Problem("not_retryable", { detail: `The job is ${job.state}` });
    await batchesMoved(app, touchOf(job));
    app.later(wake(app, scheduled?.results as Wake[], WAKE_LIMIT_MS));
    return Response.json(await show(app, job), { status: 202, headers: { location: `/v1/jobs/${id}` } });
  },
});

/** A job of the caller's. Another's is not found, like one that does not exist. */
export async function findJob(app: App, caller: Caller, id: string): Promise<JobRow> {
  const db = shard(app.databases, id);
  const job = db && (await first<JobRow>(jobs.find(db, clientOf(caller), id)));
  const isOurs = job !== null && app.kinds.find(job.kind)?.internal === true;
  if (!job || isOurs || !mayUse(caller, job.account_id))
    throw new Problem("not_found", { detail: "No such job" });
  return job;
}

function databaseOf(app: App, id: string): D1Database {
  const db = shard(app.databases, id);
  if (!db) throw new Problem("not_found");
  return db;
}

const FIRST_LOOK_MS = 100;
const LONGEST_PAUSE_MS = 1_000;

/** Look until the job has ended or `wait_s` are over, at first often. */
async function untilSettled(app: App, caller: Caller, id: string, wait_s: number): Promise<JobRow> {
  const end = app.clock.now() + wait_s * 1000;
  for (let pause_ms = FIRST_LOOK_MS; ; pause_ms = Math.min(LONGEST_PAUSE_MS, pause_ms * 1.5)) {
    const job = await findJob(app, caller, id);
    const left_ms = end - app.clock.now();
    if (isSettled(job) || left_ms <= 0) return job;
    await app.clock.sleep(Math.min(pause_ms, left_ms));
  }
}
