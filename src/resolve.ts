import { z } from "zod";
import { gatesOf } from "#core/jobs/define";
import { EXPIRES_AFTER_MS } from "#core/jobs/limits";
import { wake, type Wake } from "#core/jobs/wake";
import { isId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as lanes from "#core/store/lanes";
import { shard } from "#core/store/shard";
import * as unclearJobs from "#core/store/unclear-jobs";
import { xId } from "#core/x/tweet-body";
import { jobSchema } from "./job-view.ts";
import { findJob, show } from "./jobs.ts";
import { defineRoute } from "./route.ts";

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
  answers: { 200: { description: "The job as it is now: succeeded, or queued anew.", schema: jobSchema } },
  async handle({ app, caller, params, body }) {
    const { client_id, id, kind: name, state } = await findJob(app, caller, params.id);
    const kind = app.kinds.find(name);
    const db = shard(app.databases, id);
    if (!kind?.found || !db) throw new Problem("not_parked", { detail: `The job is ${state}` });
    const result = body.outcome === "posted" ? JSON.stringify(kind.found(body.tweet_id)) : null;
    const now = app.clock.stored();
    const [resolved, scheduled] = await db.batch([
      unclearJobs.resolve(db, now, { client_id, id, result }, EXPIRES_AFTER_MS),
      lanes.schedule(db, now, [{ client_id, id, gates: gatesOf(kind) }]),
    ]);
    const job = await findJob(app, caller, id);
    if (resolved?.results.length === 0)
      throw new Problem("not_parked", { detail: `The job is ${job.state}` });
    app.log("job.resolved", { job: id, outcome: body.outcome });
    app.later(wake(app, scheduled?.results as Wake[], WAKE_LIMIT_MS));
    return Response.json(await show(app, job));
  },
});
