import { z } from "zod";
import { asScheduled } from "#core/jobs/commit";
import { refreshOf } from "#core/jobs/refreshes";
import { wake, type Wake } from "#core/jobs/wake";
import { isId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as jobs from "#core/store/jobs";
import type { JobRow } from "#core/store/jobs";
import * as lanes from "#core/store/lanes";
import * as refreshes from "#core/store/refreshes";
import { first } from "#core/store/sql";
import { findAccount } from "./accounts.ts";
import { jobSchema } from "./job-view.ts";
import { show } from "./jobs.ts";
import { defineRoute } from "./route.ts";

const WAKE_LIMIT_MS = 2_000;

/** POST /v1/accounts/{id}/refresh: the job that refreshes the present token. Asking again finds the same job. */
export const refreshAccount = defineRoute({
  method: "POST",
  path: "/v1/accounts/{id}/refresh",
  summary: "Refresh an account's token now",
  scope: "accounts:write",
  params: z.strictObject({ id: z.string().refine((text) => isId("acc", text)) }),
  answers: { 202: { description: "The `token.refresh` job.", schema: jobSchema } },
  async handle({ app, caller, params }) {
    const { db, row: account } = await findAccount(app, caller, params.id);
    if (account.state !== "connected")
      throw new Problem(account.state === "disconnected" ? "account_disconnected" : "reconnect_required");
    if (account.refresh_at === null) throw new Problem("not_refreshable");

    const ask = await refreshOf(account);
    const now = app.clock.stored();
    const [, scheduled] = await db.batch([
      refreshes.ask(db, now, [ask]),
      lanes.schedule(db, now, [asScheduled(ask)]),
    ]);
    app.later(wake(app, scheduled?.results as Wake[], WAKE_LIMIT_MS));
    const job = await first<JobRow>(jobs.find(db, account.client_id, ask.job_id));
    if (!job) throw new Problem("unavailable", { detail: "The token has moved just now: ask again" });
    return Response.json(await show(app, job), { status: 202, headers: { location: `/v1/jobs/${job.id}` } });
  },
});
