import { z } from "zod";
import { type BatchOrder, enqueueBatch } from "#core/jobs/enqueue-batch";
import { tweetCreate } from "#core/jobs/kinds/tweet-create";
import { wake } from "#core/jobs/wake";
import { rfc3339 } from "#core/lib/clock";
import { newId, shardOf } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import type { BatchRow } from "#core/store/batches";
import * as batches from "#core/store/batches";
import * as idempotencyKeys from "#core/store/idempotency-keys";
import type { IdempotencyRow } from "#core/store/idempotency-keys";
import { first } from "#core/store/sql";
import { keyOf, repeated } from "./accept.ts";
import type { App } from "./app.ts";
import { clientOf, type Caller } from "./auth.ts";
import { batchSchema, readBatch } from "./batch-body.ts";
import { checkingInto, type Checked } from "./batch-check.ts";
import { orderOf, type BatchHead } from "./batch-order.ts";
import { type Rejection, rejectionsOf, takenSchema } from "#core/jobs/batch-view";
import { jobSchema } from "#core/jobs/view";
import { etagOf, homeOf, showBatch } from "./batches.ts";
import { countTaken } from "./flush-tally.ts";
import { defineRoute, type Call } from "./route.ts";

const WAKE_LIMIT_MS = 2_000;
/** Accounts may go between the check and the commit; so often it is checked anew. */
const CHECKS = 3;

/** What a batch would be, were it taken. */
export const triedSchema = takenSchema
  .pick({
    accepted: true,
    rejected_count: true,
    rejected: true,
    warnings: true,
    first_due_at: true,
    last_due_at: true,
  })
  .extend({ dry_run: z.literal(true), cost: jobSchema.shape.cost });

const TRIED: BatchHead = { id: "", created_at: 0, key: null };

function tried(app: App, order: BatchOrder): Response {
  const dues = order.items.map(({ order: { run_at } }) => run_at ?? app.clock.now());
  const shown: z.output<typeof triedSchema> = {
    dry_run: true,
    accepted: order.items.length,
    rejected_count: order.rejected,
    rejected: JSON.parse(order.rejections) as Rejection[],
    warnings: warningsOf(order),
    first_due_at: rfc3339(dues.reduce((a, b) => Math.min(a, b), Infinity)),
    last_due_at: rfc3339(dues.reduce((a, b) => Math.max(a, b), 0)),
    cost: {
      estimated: order.items.reduce((sum, { order: { cost_estimated } }) => sum + cost_estimated, 0),
      actual: 0,
    },
  };
  return Response.json(shown);
}

const warningsOf = ({ warnings }: BatchOrder) => JSON.parse(warnings) as Record<string, number>;

/** POST /v1/batches: many jobs in one request. Good items are taken, bad ones are named; or all or none. */
export const postBatch = defineRoute({
  method: "POST",
  path: "/v1/batches",
  summary: "Take up to 10,000 jobs in one request, as JSON or as NDJSON; `spread` places them in time",
  scope: "jobs:write",
  body: batchSchema,
  streams: true,
  example: {
    defaults: { account_id: tweetCreate.example.account_id },
    items: [{ text: "It was the best of times." }],
  },
  answers: {
    200: { description: "With `dry_run`: what the batch would be.", schema: triedSchema },
    202: { description: "The batch, taken.", schema: takenSchema },
  },
  async handle(call) {
    const { app, caller, request } = call;
    const clientId = clientOf(caller);
    const key = keyOf(call);
    const home = homeOf(app, clientId);
    const before =
      key === null ? null : await first<IdempotencyRow>(idempotencyKeys.find(home, clientId, key));
    // A batch that came before is read as of then: a time that it names may have passed meanwhile.
    const created_at = before?.created_at ?? app.clock.now();
    const checking = checkingInto(app, created_at);
    const body_hash = await readBatch(request, checking);
    if (before && before.body_hash !== body_hash) throw new Problem("idempotency_mismatch");
    const known = before && (await first<BatchRow>(batches.find(home, clientId, before.job_id)));
    if (known && known.taken_at !== null) return answer(call, known, true);

    const { checked } = checking;
    if (checked.header.dry_run) return tried(app, await orderOf(app, caller, checked, TRIED));

    const id = before?.job_id ?? newId("bat", shardOf(clientId), created_at);
    const record = key === null ? null : { client_id: clientId, key, body_hash, job_id: id, created_at };
    const { batch, replayed } = await take(app, caller, checked, { id, created_at, key: record });
    return answer(call, batch, replayed);
  },
});

/** Write what is good; anew if an account went meanwhile, and not at all if the key turns out to be another batch's. */
async function take(
  app: App,
  caller: Caller,
  checked: Checked,
  head: BatchHead,
): Promise<{ batch: BatchRow; replayed: boolean }> {
  for (let check = 1; check <= CHECKS; check++) {
    const order = await orderOf(app, caller, checked, head);
    const { batch, key, wakes } = await repeated(app, (attempt) =>
      enqueueBatch(app.databases, order, app.clock.stored(), attempt > 1),
    );
    if (batch) {
      countTaken(
        app,
        order.items.map((item) => item.order.kind),
      );
      app.later(wake(app, wakes, WAKE_LIMIT_MS));
      app.log("batch.accepted", { batch: batch.id, jobs: batch.accepted, rejected: batch.rejected });
      return { batch, replayed: false };
    }
    if (key && key.body_hash !== head.key?.body_hash) throw new Problem("idempotency_mismatch");
    const other = key && key.job_id !== head.id ? key.job_id : null;
    const found =
      other && (await first<BatchRow>(batches.find(homeOf(app, order.client_id), order.client_id, other)));
    if (found) return { batch: found, replayed: true };
  }
  throw new Problem("unavailable", { detail: "The accounts of this batch keep changing" });
}

/** The answer is the same for whoever asks again with the same key. */
async function answer(
  call: Pick<Call<unknown, unknown, unknown>, "app" | "caller">,
  row: BatchRow,
  replayed: boolean,
) {
  const { app, caller } = call;
  const view = await showBatch(app, caller, row);
  const due_in_ms = Date.parse(view.first_due_at ?? view.created_at) - app.clock.now();
  return Response.json(
    { ...view, rejected: rejectionsOf(row) },
    {
      status: 202,
      headers: {
        location: `/v1/batches/${row.id}`,
        etag: etagOf(row),
        "retry-after": String(Math.min(3600, Math.max(1, Math.ceil(due_in_ms / 1000)))),
        ...(replayed && { "idempotent-replayed": "true" }),
      },
    },
  );
}
