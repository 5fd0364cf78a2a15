import { z } from "zod";
import { batchEnds, batchesMoved } from "#core/jobs/batch-ends";
import { EXPIRES_AFTER_MS, WAKE_HORIZON_MS } from "#core/jobs/limits";
import { wake, type Wake } from "#core/jobs/wake";
import { DAY_MS } from "#core/lib/clock";
import { batchRange } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as batchJobs from "#core/store/batch-jobs";
import * as batches from "#core/store/batches";
import type { BatchRow } from "#core/store/batches";
import * as lanes from "#core/store/lanes";
import { changed, first } from "#core/store/sql";
import type { App } from "./app.ts";
import type { Caller } from "./auth.ts";
import { batchSchema } from "#core/jobs/batch-view";
import { batchId, databasesOf, etagOf, findBatch, homeOf, showBatch } from "./batches.ts";
import { ifMatch } from "./if-match.ts";
import { AHEAD_MS } from "./order.ts";
import { defineRoute } from "./route.ts";
import { tellAll } from "./tell-all.ts";

const WAKE_LIMIT_MS = 2_000;

/** POST /v1/batches/{id}/cancel: what has not started ends, what runs is asked to stop. */
export const cancelBatch = defineRoute({
  method: "POST",
  path: "/v1/batches/{id}/cancel",
  summary: "Cancel what of a batch has not been sent",
  scope: "jobs:write",
  params: batchId,
  answers: {
    200: {
      description:
        "The batch as it is now; how many were canceled, and how many were in flight and will be if they come back unsent.",
      schema: batchSchema.extend({ canceled: z.int(), in_flight: z.int() }),
    },
  },
  async handle({ app, caller, params }) {
    const row = await findBatch(app, caller, params.id);
    let [canceled, in_flight] = [0, 0];
    await onEach(app, caller, row, async (db, reach, now, name) => {
      const [, ended, asked, ...more] = await db.batch([
        batchJobs.cancel(db, now, reach),
        changed(db),
        batchJobs.requestCancel(db, reach),
        lanes.reschedule(db, now, row.client_id, batchRange(row.id)),
        ...batchEnds(db, now, [{ ...row, shard: name }]),
      ]);
      canceled += countOf(ended);
      in_flight += asked?.meta.changes ?? 0;
      return more[0]?.results as Wake[];
    });
    if (canceled > 0) app.later(tellAll(app, row.client_id));
    return answer(app, caller, row, { canceled, in_flight });
  },
});

/** POST /v1/batches/{id}/retry: what failed or died is given a new life, in the order of the items. */
export const retryBatch = defineRoute({
  method: "POST",
  path: "/v1/batches/{id}/retry",
  summary: "Try what of a batch failed or died again",
  scope: "jobs:write",
  params: batchId,
  answers: {
    202: {
      description: "The batch as it is now, and how many of its jobs are queued again.",
      schema: batchSchema.extend({ retried: z.int() }),
    },
  },
  async handle({ app, caller, params }) {
    const row = await findBatch(app, caller, params.id);
    let retried = 0;
    await onEach(app, caller, row, async (db, reach, now, name) => {
      const [, redriven, moved] = await db.batch([
        batchJobs.redrive(db, now, reach, EXPIRES_AFTER_MS),
        changed(db),
        lanes.reschedule(db, now, row.client_id, batchRange(row.id)),
      ]);
      retried += countOf(redriven);
      if (countOf(redriven) > 0) await batchesMoved(app, [{ ...row, shard: name }]);
      return moved?.results as Wake[];
    });
    return answer(app, caller, row, { retried }, 202);
  },
});

/** PATCH /v1/batches/{id}: everything that has not started is moved by as much. */
export const patchBatch = defineRoute({
  method: "PATCH",
  path: "/v1/batches/{id}",
  summary: "Move what of a batch has not started; `If-Match` makes it safe to repeat",
  scope: "jobs:write",
  params: batchId,
  body: z.strictObject({
    shift_s: z
      .int()
      .refine((shift) => shift !== 0, "Not 0")
      .describe(
        "Seconds to later, or to earlier when negative; times until which they may be sent move along.",
      ),
  }),
  example: { shift_s: 3600 },
  answers: {
    200: {
      description: "The batch as it is now, and how many of its jobs were moved.",
      schema: batchSchema.extend({ moved: z.int() }),
    },
  },
  async handle({ app, caller, request, params, body }) {
    const row = await findBatch(app, caller, params.id);
    const shift_ms = body.shift_s * 1000;
    await checkShift(app, caller, row, shift_ms);
    const wanted = ifMatch(request, row.sequence);
    const touched = await first(batches.touch(homeOf(app, row.client_id), row, wanted ? row.sequence : null));
    if (!touched)
      throw new Problem("precondition_failed", { detail: "The batch has changed since it was read" });
    let moved = 0;
    await onEach(app, caller, row, async (db, reach, now) => {
      const [shifted, rescheduled] = await db.batch([
        batchJobs.shift(db, now, reach, shift_ms),
        lanes.reschedule(db, now, row.client_id, batchRange(row.id)),
      ]);
      moved += shifted?.meta.changes ?? 0;
      return rescheduled?.results as Wake[];
    });
    return answer(app, caller, row, { moved });
  },
});

/** What `changed` says. */
const countOf = (result: D1Result | undefined): number =>
  (result?.results as { count: number }[] | undefined)?.[0]?.count ?? 0;

type Span = { first_due_at: number | null; last_due_at: number | null };

/** Nothing is moved to before now, or to more than a year ahead: then nothing is moved at all. */
async function checkShift(app: App, caller: Caller, row: BatchRow, shift_ms: number): Promise<void> {
  const now = app.clock.now();
  const reach = { ...row, accounts: caller.account_ids };
  const refuse = (code: string, detail: string) =>
    new Problem("invalid", { errors: [{ pointer: "/shift_s", code, detail }] });
  for (const { db } of databasesOf(app, row)) {
    const span = await first<Span>(batchJobs.span(db, app.clock.stored(), reach, shift_ms));
    if (span?.last_due_at != null && span.last_due_at + shift_ms > now + AHEAD_MS)
      throw refuse("too_far", `The last one would be due in more than ${AHEAD_MS / DAY_MS} days`);
    if (span?.first_due_at != null && shift_ms < 0 && span.first_due_at + shift_ms <= now)
      throw refuse("too_early", `The next one is due in ${Math.floor((span.first_due_at - now) / 1000)} s`);
  }
}

/** Do something on each database that has jobs of a batch, and wake the lanes that are due soon because of it. */
async function onEach(
  app: App,
  caller: Caller,
  row: BatchRow,
  change: (db: D1Database, reach: batchJobs.Reach, now: number | null, name: string) => Promise<Wake[]>,
): Promise<void> {
  const reach = { client_id: row.client_id, id: row.id, accounts: caller.account_ids };
  for (const { name, db } of databasesOf(app, row)) {
    const moved = await change(db, reach, app.clock.stored(), name);
    const soon = moved.filter(
      ({ wait_ms }) => (wait_ms as number | null) !== null && wait_ms <= WAKE_HORIZON_MS,
    );
    app.later(wake(app, soon, WAKE_LIMIT_MS));
  }
}

async function answer(
  app: App,
  caller: Caller,
  before: BatchRow,
  more: Record<string, number>,
  status = 200,
) {
  const row = await findBatch(app, caller, before.id);
  app.log("batch.changed", { batch: row.id, ...more });
  return Response.json(
    { ...(await showBatch(app, caller, row)), ...more },
    { status, headers: { etag: etagOf(row) } },
  );
}
