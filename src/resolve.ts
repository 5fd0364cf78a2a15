import { z } from "zod";
import { batchesMoved, touchOf } from "#core/jobs/batch-ends";
import { costOf, gatesOf, type Kind } from "#core/jobs/define";
import { EXPIRES_AFTER_MS } from "#core/jobs/limits";
import { wake, type Wake } from "#core/jobs/wake";
import { isId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as gates from "#core/store/gates";
import type { JobRow } from "#core/store/jobs";
import * as lanes from "#core/store/lanes";
import { shard } from "#core/store/shard";
import * as usage from "#core/store/usage";
import * as unclearJobs from "#core/store/unclear-jobs";
import type { Resolution } from "#core/store/unclear-jobs";
import { xId } from "#core/x/tweet-body";
import { jobSchema } from "#core/jobs/view";
import type { App } from "./app.ts";
import { findJob } from "./jobs.ts";
import { show } from "./show-jobs.ts";
import { defineRoute } from "./route.ts";
import { tellAll } from "./tell-all.ts";

const WAKE_LIMIT_MS = 2_000;

/** POST /v1/jobs/{id}/resolve: a person has looked at X and says what became of a parked job. */
export const resolveJob = defineRoute({
  method: "POST",
  path: "/v1/jobs/{id}/resolve",
  summary: "Say what became of a job that is unknown",
  scope: "jobs:write",
  params: z.strictObject({ id: z.string().refine((text) => isId("job", text)) }),
  body: z.discriminatedUnion("outcome", [
    z.strictObject({ outcome: z.literal("posted"), tweet_id: xId }),
    z.strictObject({ outcome: z.literal("not_posted") }),
  ]),
  example: { outcome: "posted", tweet_id: "1993000000000000001" },
  answers: { 200: { description: "The job as it is now: succeeded, or queued anew.", schema: jobSchema } },
  async handle({ app, caller, params, body }) {
    const parked = await findJob(app, caller, params.id);
    const { client_id, id, state } = parked;
    const kind = app.kinds.find(parked.kind);
    const db = shard(app.databases, id);
    if (!kind?.found || !db) throw new Problem("not_parked", { detail: `The job is ${state}` });
    const resolution = body.outcome === "posted" ? found(app, kind, parked, body.tweet_id) : notFound(parked);
    const now = app.clock.stored();
    const [resolved, , , scheduled] = await db.batch([
      unclearJobs.resolve(db, now, resolution, EXPIRES_AFTER_MS),
      usage.addFound(db, now, resolution),
      gates.release(db, client_id, [id]),
      lanes.schedule(db, now, [{ client_id, id, gates: gatesOf(kind) }]),
    ]);
    const job = await findJob(app, caller, id);
    if (resolved?.results.length === 0)
      throw new Problem("not_parked", { detail: `The job is ${job.state}` });
    await batchesMoved(app, touchOf(job));
    app.log("job.resolved", { job: id, outcome: body.outcome });
    app.later(wake(app, scheduled?.results as Wake[], WAKE_LIMIT_MS));
    if (job.finished_at !== null) app.later(tellAll(app, client_id));
    return Response.json(await show(app, job));
  },
});

/** As if X had said so: the job has ended, or goes on with what comes next. */
function found({ prices }: App, kind: Kind, job: JobRow, tweetId: string): Resolution {
  const params = kind.params.safeParse(JSON.parse(job.params)).data;
  const before = parsed(job.checkpoint);
  const outcome = params && kind.found?.(tweetId, { params, checkpoint: before });
  const left = (checkpoint: unknown) => costOf({ kind, params, checkpoint }, prices);
  if (outcome?.type === "done")
    return { ...job, result: JSON.stringify(outcome.result), ends: true, cost: left(before) };
  if (outcome?.type !== "again")
    throw new Problem("not_parked", { detail: "This version cannot read the job" });
  const { checkpoint, result } = outcome;
  return {
    ...job,
    checkpoint: JSON.stringify(checkpoint),
    result: JSON.stringify(result),
    ends: false,
    cost: left(before) - left(checkpoint),
  };
}

const notFound = (job: JobRow): Resolution => ({ ...job, ends: false, cost: 0 });

const parsed = (json: string | null): unknown => (json === null ? null : JSON.parse(json));
