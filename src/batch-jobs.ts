import { z } from "zod";
import { indexInBatch, isId } from "#core/lib/ids";
import * as batchJobs from "#core/store/batch-jobs";
import type { BatchRow } from "#core/store/batches";
import type { JobRow } from "#core/store/jobs";
import { all } from "#core/store/sql";
import type { App } from "./app.ts";
import type { Caller } from "./auth.ts";
import { batchId, databasesOf, findBatch } from "./batches.ts";
import { jobSchema, type JobView } from "#core/jobs/view";
import { showAll } from "./show-jobs.ts";
import { pageFrom, pageOf } from "./lists.ts";
import { defineRoute } from "./route.ts";

/** A table has no pages: rows are read so many at a time while it is sent. */
const CSV_ROWS = 500;

/** GET /v1/batches/{id}/jobs: in the order of the items, a page of JSON, or all of them as a table. */
export const listBatchJobs = defineRoute({
  method: "GET",
  path: "/v1/batches/{id}/jobs",
  summary: "List a batch's jobs in the order of its items; with `Accept: text/csv` all of them as a table",
  scope: "jobs:read",
  params: batchId,
  query: z.strictObject({
    limit: z.coerce.number().int().min(1).max(100).default(20),
    cursor: z
      .string()
      .refine((text) => isId("job", text), "Not a cursor of this list")
      .optional(),
  }),
  answers: { 200: { description: "A page of jobs.", schema: pageOf(jobSchema) } },
  async handle({ app, caller, request, params, query: { limit, cursor = "" } }) {
    const row = await findBatch(app, caller, params.id);
    if (request.headers.get("accept")?.includes("text/csv"))
      return new Response(asCsv(app, caller, row), {
        headers: {
          "content-type": "text/csv; charset=utf-8; header=present",
          "content-disposition": `attachment; filename="${row.id}.csv"`,
        },
      });
    const { rows, ...more } = pageFrom(await read(app, caller, row, cursor, limit + 1), limit, "oldest");
    return Response.json({ data: await showAll(app, rows), ...more });
  },
});

/** The next jobs of a batch behind an id, of each database. */
const read = (app: App, caller: Caller, row: BatchRow, after: string, limit: number): Promise<JobRow[][]> =>
  Promise.all(
    databasesOf(app, row).map(({ db }) =>
      all<JobRow>(batchJobs.list(db, { ...row, accounts: caller.account_ids }, after, null, limit)),
    ),
  );

const COLUMNS = {
  index: ({ id }) => indexInBatch(id),
  id: ({ id }) => id,
  kind: ({ kind }) => kind,
  account_id: ({ account_id }) => account_id,
  state: ({ state }) => state,
  run_at: ({ run_at }) => run_at,
  finished_at: ({ finished_at }) => finished_at,
  attempts: ({ attempts }) => attempts,
  result: ({ result }) => result,
  error_code: ({ error }) => (error as { code?: string } | null)?.code ?? null,
  error_detail: ({ error }) => (error as { detail?: string } | null)?.detail ?? null,
  warnings: ({ warnings }) => warnings.map(({ code }) => code).join(" "),
  metadata: ({ metadata }) => metadata,
} satisfies Record<string, (job: JobView) => unknown>;

/** All jobs as a table, read as it is taken: of ten thousand no more than a page is held. */
function asCsv(app: App, caller: Caller, row: BatchRow): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let after: string | null = "";
  return new ReadableStream({
    start(controller) {
      controller.enqueue(encoder.encode(csvRow(Object.keys(COLUMNS))));
    },
    async pull(controller) {
      if (after === null) {
        controller.close();
        return;
      }
      const { rows, next_cursor } = pageFrom(
        await read(app, caller, row, after, CSV_ROWS + 1),
        CSV_ROWS,
        "oldest",
      );
      after = next_cursor;
      const shown = await showAll(app, rows);
      const lines = shown.map((job) => csvRow(Object.values(COLUMNS).map((value) => value(job))));
      if (lines.length > 0) controller.enqueue(encoder.encode(lines.join("")));
      else controller.close();
    },
  });
}

/** A line of a table (RFC 4180). A text that a spreadsheet would run as a formula is given an apostrophe. */
const csvRow = (values: readonly unknown[]): string => `${values.map(cell).join(",")}\r\n`;

function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const safe = /^[=+\-@\t\r]/.test(text) && typeof value === "string" ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
