import { z } from "zod";
import { tokenRefresh } from "#core/jobs/kinds/token-refresh";
import { isId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as jobs from "#core/store/jobs";
import type { JobRow } from "#core/store/jobs";
import { first } from "#core/store/sql";
import { findAccount } from "./accounts.ts";
import { askRefresh } from "./await-refresh.ts";
import { jobSchema } from "#core/jobs/view";
import { show } from "./show-jobs.ts";
import { dryRunSchema } from "./dry-run.ts";
import { defineRoute } from "./route.ts";

/** POST /v1/accounts/{id}/refresh: the job that refreshes the present token. Asking again finds the same job. */
export const refreshAccount = defineRoute({
  method: "POST",
  path: "/v1/accounts/{id}/refresh",
  summary: "Refresh an account's token now",
  scope: "accounts:write",
  params: z.strictObject({ id: z.string().refine((text) => isId("acc", text)) }),
  query: z.strictObject({ dry_run: z.enum(["true", "false"]).optional() }),
  answers: {
    200: {
      description: "With `dry_run=true`: it could be refreshed. Nothing was taken.",
      schema: dryRunSchema,
    },
    202: { description: "The `token.refresh` job.", schema: jobSchema },
  },
  async handle({ app, caller, params, query }) {
    const { db, row: account } = await findAccount(app, caller, params.id);
    if (account.state !== "connected")
      throw new Problem(account.state === "disconnected" ? "account_disconnected" : "reconnect_required");
    if (account.refresh_at === null) throw new Problem("not_refreshable");
    if (query.dry_run === "true") return tried(account.id);

    const ask = await askRefresh(app, db, account);
    const job = await first<JobRow>(jobs.find(db, account.client_id, ask.job_id));
    if (!job) throw new Problem("unavailable", { detail: "The token has moved just now: ask again" });
    return Response.json(await show(app, job), { status: 202, headers: { location: `/v1/jobs/${job.id}` } });
  },
});

/** A refresh costs nothing. */
function tried(account_id: string): Response {
  const cost = { estimated: 0, actual: 0 };
  const shown: z.output<typeof dryRunSchema> = {
    dry_run: true,
    kind: tokenRefresh.name,
    account_id,
    run_at: null,
    warnings: [],
    cost,
  };
  return Response.json(shown);
}
