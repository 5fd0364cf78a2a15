import { z } from "zod";
import type { BatchEvent } from "#core/webhooks/event-view";
import type { FieldError } from "#core/lib/problem";
import type { BatchRow } from "#core/store/batches";
import type { CountRow } from "#core/store/batch-jobs";
import { rfc3339 } from "#core/lib/clock";
import { costSchema, viewStates, type JobView } from "./view.ts";

/** An item that was not taken, and why. */
export type Rejection = { index: number; errors: FieldError[] };

const time = z.iso.datetime().nullable();

export const countsSchema = z.strictObject(
  Object.fromEntries(viewStates.map((state) => [state, z.int()])) as Record<JobView["state"], z.ZodInt>,
);

export type Counts = z.output<typeof countsSchema>;

/** A batch as the API shows it. */
export const batchSchema = z.strictObject({
  id: z.string(),
  state: z
    .enum(["running", "completed"])
    .describe("`completed`: every job has ended, or is unknown and parked."),
  accepted: z.int().describe("Items that were taken: each is a job."),
  rejected_count: z.int().describe("Items that were not."),
  accounts: z.int(),
  counts: countsSchema.nullable().describe("Jobs by state; null in a list."),
  cost: costSchema.nullable().describe("Of its jobs together, in micro-USD; null in a list."),
  warnings: z.record(z.string(), z.int()).describe("How many jobs carry which warning."),
  first_due_at: time,
  last_due_at: time,
  created_at: z.iso.datetime(),
  completed_at: time,
});

export const rejectionSchema = z.strictObject({
  index: z.int(),
  errors: z.array(z.strictObject({ pointer: z.string(), code: z.string(), detail: z.string() })),
});

/** The answer to whoever hands a batch over: what was not taken, too. */
export const takenSchema = batchSchema.extend({
  rejected: z
    .array(rejectionSchema)
    .describe("What is wrong with the items that were not taken, as far as it fits."),
});

export type BatchView = z.output<typeof batchSchema>;

/** How the jobs of a batch stand; null where they were not counted. */
export type Standing = {
  counts: Counts;
  cost: z.output<typeof costSchema>;
  first_due_at: number | null;
  last_due_at: number | null;
};

/** Show a batch. */
export function batchView(row: BatchRow, standing: Standing | null): BatchView {
  return {
    id: row.id,
    state: row.finished_at === null ? "running" : "completed",
    accepted: row.accepted,
    rejected_count: row.rejected,
    accounts: (JSON.parse(row.account_ids) as string[]).length,
    counts: standing?.counts ?? null,
    cost: standing?.cost ?? null,
    warnings: JSON.parse(row.warnings) as Record<string, number>,
    first_due_at: rfc3339(standing?.first_due_at ?? null),
    last_due_at: rfc3339(standing?.last_due_at ?? null),
    created_at: new Date(row.created_at).toISOString(),
    completed_at: rfc3339(row.finished_at),
  };
}

export const rejectionsOf = (row: BatchRow): Rejection[] => JSON.parse(row.rejections) as Rejection[];

/** What several databases counted, together. */
export function standingOf(rows: readonly CountRow[]): Standing {
  const counts = Object.fromEntries(viewStates.map((state) => [state, 0])) as Counts;
  for (const { state, later, count } of rows)
    counts[state === "queued" && later === 1 ? "scheduled" : state] += count;
  const total = (of: "estimated" | "actual") => rows.reduce((sum, row) => sum + (row[of] ?? 0), 0);
  return {
    counts,
    cost: { estimated: total("estimated"), actual: total("actual") },
    first_due_at: rows.length === 0 ? null : Math.min(...rows.map((row) => row.first_due_at)),
    last_due_at: rows.length === 0 ? null : Math.max(...rows.map((row) => row.last_due_at)),
  };
}

/** A batch as it stood when it ended. */
export const endedBatch = ({ batch, counts }: BatchEvent): BatchView =>
  batchView(batch, counts === null ? null : standingOf(counts));
