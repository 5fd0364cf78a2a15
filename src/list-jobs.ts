import { z } from "zod";
import { idFloor } from "#core/lib/ids";
import * as jobs from "#core/store/jobs";
import type { JobFilter, JobRow } from "#core/store/jobs";
import { shard, shards } from "#core/store/shard";
import { all, first } from "#core/store/sql";
import type { App } from "./app.ts";
import { clientOf } from "./auth.ts";
import { jobSchema, viewStates } from "#core/jobs/view";
import { showAll } from "./show-jobs.ts";
import { pageFields, pageOf } from "./lists.ts";
import { defineRoute } from "./route.ts";

export { pageOf };

export const moment = z.iso.datetime({ offset: true });

const query = z.strictObject({
  state: z.enum(viewStates).optional(),
  kind: z.string().max(64).optional(),
  account_id: z.string().max(64).optional(),
  batch_id: z.string().max(64).optional(),
  created_after: moment.optional(),
  created_before: moment.optional(),
  ...pageFields("job"),
});

/** GET /v1/jobs: the client's jobs, the newest first, over all databases. */
export const listJobs = defineRoute({
  method: "GET",
  path: "/v1/jobs",
  summary: "List jobs, the newest first",
  scope: "jobs:read",
  query,
  answers: { 200: { description: "A page of jobs.", schema: pageOf(jobSchema) } },
  async handle({ app, caller, query }) {
    const filter = filterOf(query);
    const clientId = clientOf(caller);
    const parts = await Promise.all(
      shards(app.databases).map((name) =>
        listOn(app, name, clientId, filter, caller.account_ids, query.limit),
      ),
    );
    const { rows, next_cursor } = merge(parts, query.limit);
    return Response.json({ data: await showAll(app, rows), has_more: next_cursor !== null, next_cursor });
  },
});

function filterOf(query: {
  state?: (typeof viewStates)[number] | undefined;
  kind?: string | undefined;
  account_id?: string | undefined;
  batch_id?: string | undefined;
  created_after?: string | undefined;
  created_before?: string | undefined;
  cursor?: string | undefined;
}): JobFilter {
  const { state, cursor } = query;
  const { from, before } = idsMade(query);
  return {
    before: cursor !== undefined && cursor < before ? cursor : before,
    from,
    state: state === "scheduled" ? "queued" : (state ?? null),
    later: state === "scheduled" ? 1 : state === "queued" ? 0 : null,
    kind: query.kind ?? null,
    account_id: query.account_id ?? null,
    batch_id: query.batch_id ?? null,
  };
}

/** The ids of jobs made from one moment to before another: from `from` to below `before`. */
export const idsMade = (time: {
  created_after?: string | undefined;
  created_before?: string | undefined;
}): { from: string; before: string } => ({
  from: time.created_after === undefined ? "" : idFloor("job", Date.parse(time.created_after)),
  before: time.created_before === undefined ? "job_~" : idFloor("job", Date.parse(time.created_before)),
});

/** What one database has, and the id it looked as far as if there may be more behind. */
export type Part<Row> = { rows: Row[]; floor: string | null };

async function listOn(
  app: App,
  name: string,
  clientId: string,
  filter: JobFilter,
  accountIds: readonly string[] | null,
  limit: number,
): Promise<Part<JobRow>> {
  const db = shard(app.databases, name);
  if (!db) return { rows: [], floor: null };
  const scope = { kinds: filter.kind === null ? app.kinds.listed : app.kinds.names, accounts: accountIds };
  const rows = await all<JobRow>(jobs.list(db, clientId, filter, scope, app.clock.now(), limit + 1));
  if (rows.length > limit) return { rows, floor: null };
  const floor = await first<{ id: string }>(jobs.listFloor(db, clientId, filter));
  return { rows, floor: floor?.id ?? null };
}

/** Merge the databases' parts: nothing behind the nearest floor is shown, for another database has not looked there yet. */
export function merge<Row extends { id: string }>(
  parts: Part<Row>[],
  limit: number,
  first: "newest" | "oldest" = "newest",
): { rows: Row[]; next_cursor: string | null } {
  const isBefore = (a: string, b: string): boolean => (first === "newest" ? a > b : a < b);
  const floor = parts
    .flatMap((part) => part.floor ?? [])
    .reduce<string | null>((near, one) => (near === null || isBefore(one, near) ? one : near), null);
  const sorted = parts
    .flatMap((part) => part.rows)
    .filter(({ id }) => floor === null || !isBefore(floor, id))
    .sort((a, b) => (isBefore(b.id, a.id) ? 1 : -1));
  const rows = sorted.slice(0, limit);
  return { rows, next_cursor: sorted.length > limit ? (rows.at(-1)?.id ?? null) : floor };
}
