import { costOf } from "#core/jobs/define";
import { enqueue, jobIdFor, type Order } from "#core/jobs/enqueue";
import { wake } from "#core/jobs/wake";
import { reasonOf } from "#core/lib/log";
import { Problem } from "#core/lib/problem";
import * as accounts from "#core/store/accounts";
import type { AccountRow } from "#core/store/accounts";
import * as idempotencyKeys from "#core/store/idempotency-keys";
import type { IdempotencyRow } from "#core/store/idempotency-keys";
import { shard } from "#core/store/shard";
import { first } from "#core/store/sql";
import type { App } from "./app.ts";
import { clientOf, mayUse } from "./auth.ts";
import { checkCallback } from "./callback.ts";
import { mediaErrors } from "./check-media.ts";
import { dryRun, dryRunSchema } from "./dry-run.ts";
import { jobSchema, jobView, NOTHING_HOLDS } from "#core/jobs/view";
import { countTaken } from "./flush-tally.ts";
import type { OrderFields } from "./order.ts";
import type { Call } from "./route.ts";

const KEY_LENGTH = 255;
/** A queue can hang for a minute; the clock finds what it lost. */
const WAKE_LIMIT_MS = 2_000;
const TRIES = 3;

/** What every route answers that takes a job. */
export const accepted = {
  200: { description: "With `dry_run`: what it would be. Nothing was taken.", schema: dryRunSchema },
  202: { description: "The job, taken.", schema: jobSchema },
};

type Accepting = Pick<Call<unknown, unknown, unknown>, "app" | "caller" | "request" | "body_hash">;

/**
 * Take a job: 202 once it is written. The wake-up is sent after the answer. With an `Idempotency-Key` the key's record is
 * written first and the job with its id then, both repeatable; the same key and body find the same job again.
 */
export async function accept(call: Accepting, read: (now: number) => OrderFields): Promise<Response> {
  const { app, caller } = call;
  const began = app.clock.now();
  const clientId = clientOf(caller);
  const fields = await fieldsOf(call, read);
  if (!mayUse(caller, fields.account_id))
    throw new Problem("insufficient_scope", { detail: "This key does not reach that account" });
  await checkMedia(call, fields);
  const { dry_run, pointer: _, ...asked } = fields;
  const order: Order = { ...asked, client_id: clientId, cost_estimated: costOf(asked, app.prices) };
  await checkCallback(app, order);
  if (dry_run) return dryRun(app, order);
  const { id, replayed } = await claimId(call, clientId, jobIdFor(order, app.clock.now()));
  const {
    job,
    wake: next,
    rows_written,
  } = await repeated(app, (attempt) => {
    const clock = { now: app.clock.now(), stored: app.clock.stored() };
    return enqueue(app.databases, order, id, clock, attempt > 1);
  }).catch(async (error: unknown) => {
    const isGone = error instanceof Problem && error.code === "not_found";
    throw isGone && (await isDisconnected(app, order)) ? new Problem("account_disconnected") : error;
  });
  if (!replayed) {
    app.tally.time("accept", app.clock.now() - began);
    countTaken(app, [order.kind]);
  }
  if (next) app.later(wake(app, [next], WAKE_LIMIT_MS));
  const { id: taken, kind, account_id: account, lane } = job;
  app.log("job.accepted", { job: taken, kind, account, lane, replayed, rows_written });
  const now = app.clock.now();
  return Response.json(jobView(job, app.kinds, now, NOTHING_HOLDS), {
    status: 202,
    headers: {
      location: `/v1/jobs/${job.id}`,
      "retry-after": String(Math.min(3600, Math.max(1, Math.ceil((job.due_at - now) / 1000)))),
      ...(replayed && { "idempotent-replayed": "true" }),
    },
  });
}

/** Media must be there, when the job is taken for the first time. */
async function checkMedia(call: Accepting, fields: OrderFields): Promise<void> {
  const [errors = []] = await mediaErrors(call.app, call.caller, [fields]);
  if (errors.length > 0 && !(await cameBefore(call))) throw new Problem("invalid", { errors });
}

/** Why a job of one's own account was not taken: nothing would ever do it. */
async function isDisconnected(app: App, { client_id, account_id }: Order): Promise<boolean> {
  const db = shard(app.databases, account_id);
  const row = db && (await first<AccountRow>(accounts.find(db, account_id)));
  return row?.client_id === client_id && row.state === "disconnected";
}

/** A body that came before is read as of then: a time that it names may have passed meanwhile. */
async function fieldsOf(call: Accepting, read: (now: number) => OrderFields): Promise<OrderFields> {
  try {
    return read(call.app.clock.now());
  } catch (error) {
    const before = await cameBefore(call);
    if (!before) throw error;
    return read(before.created_at);
  }
}

/** The record of the same request, if it came before. */
async function cameBefore(call: Accepting): Promise<IdempotencyRow | null> {
  const key = keyOf(call);
  const clientId = clientOf(call.caller);
  const home = key === null ? null : shard(call.app.databases, clientId);
  const row = home && key && (await first<IdempotencyRow>(idempotencyKeys.find(home, clientId, key)));
  return row && row.body_hash === call.body_hash ? row : null;
}

/** The Idempotency-Key of a request, if it has one. */
export function keyOf({ request }: Pick<Accepting, "request">): string | null {
  const key = request.headers.get("idempotency-key");
  if (key === null || (key !== "" && key.length <= KEY_LENGTH)) return key;
  throw new Problem("unknown_parameter", {
    errors: [{ pointer: "Idempotency-Key", code: "invalid", detail: `1 to ${KEY_LENGTH} characters` }],
  });
}

/** The id of what a request makes: `fresh`, or that which its key made before. Throws when it came with another body then. */
export async function claimId(
  call: Omit<Accepting, "caller">,
  client_id: string,
  fresh: string,
): Promise<{ id: string; replayed: boolean }> {
  const { app, body_hash } = call;
  const key = keyOf(call);
  if (key === null) return { id: fresh, replayed: false };
  const home = shard(app.databases, client_id);
  if (!home) throw new Problem("unavailable");
  const created_at = app.clock.now();
  const mine: IdempotencyRow = { client_id, key, body_hash, job_id: fresh, created_at };
  const [, found] = await repeated(app, () =>
    home.batch([idempotencyKeys.claim(home, mine), idempotencyKeys.find(home, client_id, key)]),
  );
  const row = (found?.results as IdempotencyRow[] | undefined)?.[0];
  if (!row) throw new Problem("unavailable");
  if (row.body_hash !== body_hash) throw new Problem("idempotency_mismatch");
  return { id: row.job_id, replayed: row.job_id !== fresh };
}

/** What is written here may be written twice, so a commit whose answer was lost is sent again. */
export async function repeated<Value>(app: App, write: (attempt: number) => Promise<Value>): Promise<Value> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await write(attempt);
    } catch (error) {
      if (error instanceof Problem || attempt === TRIES) throw error;
      app.log("commit.repeated", { attempt, reason: reasonOf(error) });
      await app.clock.sleep(50 * 2 ** attempt * app.random());
    }
  }
}
