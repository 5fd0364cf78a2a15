import { z } from "zod";
import type { Order } from "#core/jobs/enqueue";
import { rfc3339 } from "#core/lib/clock";
import { Problem } from "#core/lib/problem";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import { shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import type { App } from "./app.ts";
import { jobSchema } from "#core/jobs/view";

/** What a job would be, were it taken. */
export const dryRunSchema = jobSchema
  .pick({ kind: true, account_id: true, run_at: true, warnings: true, cost: true })
  .extend({ dry_run: z.literal(true) });

/** Check an order as far as it can be without taking it: nothing is written. */
export async function dryRun(app: App, order: Order): Promise<Response> {
  const { kind, account_id, run_at, params, cost_estimated } = order;
  const db = shard(app.databases, account_id);
  const account = db && (await first<AccountRow>(accounts.find(db, account_id)));
  if (account?.client_id !== order.client_id)
    throw new Problem("not_found", {
      detail: "No such account",
      errors: [{ pointer: "/account_id", code: "not_found", detail: "No such account" }],
    });
  if (account.state === "disconnected") throw new Problem("account_disconnected");
  const shown: z.output<typeof dryRunSchema> = {
    dry_run: true,
    kind: kind.name,
    account_id,
    run_at: rfc3339(run_at),
    warnings: kind.warnings?.(params as never) ?? [],
    cost: { estimated: cost_estimated, actual: 0 },
  };
  return Response.json(shown);
}
