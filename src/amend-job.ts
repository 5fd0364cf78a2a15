import { costOf, type Kind } from "#core/jobs/define";
import { steps } from "#core/lib/lifecycle";
import { Problem } from "#core/lib/problem";
import * as editJobs from "#core/store/edit-jobs";
import type { JobRow } from "#core/store/jobs";
import type { App } from "./app.ts";
import { readOrder } from "./order.ts";
import type { Change, Fields } from "./patch-job.ts";

type Amendable = Pick<Kind, "amend">;

/** Whether a job stopped short of its end, X surely has nothing of what was next, and its kind says what may be changed then. */
export const isShort = (kind: Amendable | null, { state, maybe_sent }: JobRow): boolean =>
  kind?.amend !== undefined && maybe_sent === 0 && (steps.redrive.from as readonly string[]).includes(state);

/** What a change makes of a job that stopped short: other params for what it has yet to do. Throws every mistake. */
export function amendmentOf(
  app: App,
  kind: Kind,
  job: JobRow,
  { params, metadata, ...rest }: Fields,
): Change {
  if (Object.keys(rest).length > 0)
    throw new Problem("already_sent", {
      detail: `The job is ${job.state}: only its params and metadata can be changed, and then it can be retried`,
    });
  const stored = JSON.parse(job.params) as unknown;
  const next = params ? { ...params, account_id: job.account_id } : stored;
  const order = readOrder(kind, { params: next }, app.clock.now(), "params");
  const checkpoint: unknown = job.checkpoint === null ? null : JSON.parse(job.checkpoint);
  const before = { params: kind.params.parse(stored) as never, checkpoint };
  const errors = params ? (kind.amend?.(before, order.params as never) ?? []) : [];
  if (errors.length > 0)
    throw new Problem("invalid", {
      errors: errors.map((error) => ({ ...error, pointer: `/params${error.pointer}` })),
    });
  const amendment = {
    client_id: job.client_id,
    id: job.id,
    sequence: job.sequence,
    params: params ? JSON.stringify(order.params) : null,
    metadata: metadata === undefined ? undefined : metadata === null ? null : JSON.stringify(metadata),
    cost: params ? costOf({ kind, params: order.params, checkpoint }, app.prices) : null,
  };
  return {
    needing: { ...order, client_id: job.client_id, job_id: job.id },
    is_new: params !== undefined,
    write: (db) => [editJobs.amend(db, amendment)],
  };
}
