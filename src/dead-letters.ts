import { z } from "zod";
import { redriveDead } from "#core/jobs/redrive";
import { wake } from "#core/jobs/wake";
import { isId, shardOf } from "#core/lib/ids";
import * as deadJobs from "#core/store/dead-jobs";
import type { DeadFilter } from "#core/store/dead-jobs";
import type { JobRow } from "#core/store/jobs";
import { shard, shards } from "#core/store/shard";
import { all, first } from "#core/store/sql";
import type { App } from "./app.ts";
import { clientOf, type Caller } from "./auth.ts";
import { jobSchema } from "#core/jobs/view";
import { showAll } from "./show-jobs.ts";
import { idsMade, merge, moment, type Part } from "./list-jobs.ts";
import { pageFields, pageOf } from "./lists.ts";
import { defineRoute } from "./route.ts";

const WAKE_LIMIT_MS = 2_000;
const MOST_AT_ONCE = 1_000;

const jobId = z.string().refine((text) => isId("job", text), "Not a job id (job_…)");

const filterFields = {
  kind: z.string().max(64).optional(),
  account_id: z.string().max(64).optional(),
  code: z.string().max(64).optional().describe("The `code` of the error that the job died of."),
  created_after: moment.optional(),
  created_before: moment.optional(),
};

/** GET /v1/dead-letters: the client's jobs that we gave up on, the newest first, over all databases. */
export const listDeadLetters = defineRoute({
  method: "GET",
  path: "/v1/dead-letters",
  summary: "List dead jobs, the newest first",
  scope: "jobs:read",
  query: z.strictObject({ ...filterFields, ...pageFields("job") }),
  answers: {
    200: {
      description: "A page of dead jobs, each with why it died and its log.",
      schema: pageOf(jobSchema),
    },
  },
  async handle({ app, caller, query }) {
    const { limit, cursor, ...fields } = query;
    const filter = filterOf(fields);
    if (cursor !== undefined && cursor < filter.before) filter.before = cursor;
    const { rows, next_cursor } = await find(app, caller, filter, { columns: "*", order: "newest", limit });
    return Response.json({
      data: await showAll(app, rows as JobRow[]),
      has_more: next_cursor !== null,
      next_cursor,
    });
  },
});

/** POST /v1/dead-letters/redrive: dead jobs are given a new life, the oldest first. */
export const redriveDeadLetters = defineRoute({
  method: "POST",
  path: "/v1/dead-letters/redrive",
  summary: "Try dead jobs again, the oldest first",
  scope: "jobs:write",
  body: z.strictObject({
    filter: z
      .strictObject({ ...filterFields, ids: z.array(jobId).min(1).max(MOST_AT_ONCE).optional() })
      .describe("Which: `{}` means all of them."),
    limit: z.int().min(1).max(MOST_AT_ONCE).default(100),
    cursor: jobId.optional().describe("The `next_cursor` of the answer before."),
  }),
  example: { filter: {}, limit: 100 },
  answers: {
    200: {
      description: "The jobs that have a new life. While `has_more`, ask again with `next_cursor`.",
      schema: z.strictObject({
        redriven: z.int(),
        ids: z.array(z.string()),
        has_more: z.boolean(),
        next_cursor: z.string().nullable(),
      }),
    },
  },
  async handle({ app, caller, body: { filter: fields, limit, cursor } }) {
    const filter = filterOf(fields);
    // No id lies between an id and the same with one character more.
    if (cursor !== undefined && cursor >= filter.from) filter.from = `${cursor}0`;
    const found = await find(app, caller, filter, {
      columns: "id, kind",
      order: "oldest",
      limit,
    });
    const { ids, wakes } = await redriveDead(app, clientOf(caller), found.rows);
    app.log("jobs.redriven", { jobs: ids.length });
    app.later(wake(app, wakes, WAKE_LIMIT_MS));
    const { next_cursor } = found;
    return Response.json({ redriven: ids.length, ids, has_more: next_cursor !== null, next_cursor });
  },
});

function filterOf(
  fields: { [Name in keyof typeof filterFields]?: string | undefined } & { ids?: string[] | undefined },
): DeadFilter {
  return {
    ...idsMade(fields),
    kind: fields.kind ?? null,
    account_id: fields.account_id ?? null,
    code: fields.code ?? null,
    ids: fields.ids ?? null,
  };
}

type Asked = Parameters<typeof deadJobs.list>[4];
type Row = Pick<JobRow, "id" | "kind">;

/** A page of the dead jobs that a caller reaches, of all databases. */
async function find(
  app: App,
  caller: Caller,
  filter: DeadFilter,
  asked: Asked,
): Promise<{ rows: Row[]; next_cursor: string | null }> {
  const { all: known, listed, names } = app.kinds;
  // One that this version does not know any more is shown: it may be what killed the job.
  const shown = filter.kind === null && filter.ids === null ? listed : names;
  const scope = {
    hidden: known.filter((name) => !shown.includes(name)),
    accounts: caller.account_ids,
  };
  const parts = shards(app.databases).map(async (name): Promise<Part<Row>> => {
    const db = shard(app.databases, name);
    const here = { ...filter, ids: filter.ids?.filter((id) => shardOf(id) === name) ?? null };
    if (!db || here.ids?.length === 0) return { rows: [], floor: null };
    const more = { ...asked, limit: asked.limit + 1 };
    const rows = await all<Row>(deadJobs.list(db, clientOf(caller), here, scope, more));
    if (rows.length > asked.limit || here.ids !== null) return { rows, floor: null };
    const edge = await first<{ id: string }>(deadJobs.edge(db, clientOf(caller), here, asked.order));
    return { rows, floor: edge?.id ?? null };
  });
  return merge(await Promise.all(parts), asked.limit, asked.order);
}
