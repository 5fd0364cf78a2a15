import { z } from "zod";
import { idFloor } from "#core/lib/ids";
import * as jobs from "#core/store/jobs";
import type { JobFilter, JobRow } from "#core/store/jobs";
import { shard, shards } from "#core/store/shard";
import { all, first } from "#core/store/sql";
import type { App } from "./app.ts";
import { clientOf } from "./auth.ts";
import { jobSchema, viewStates } from "./job-view.ts";
import { showAll } from "./jobs.ts";
import { pageFields, pageOf } from "./lists.ts";
import { defineRoute } from "./route.ts";

export { pageOf };

const moment = z.iso.datetime({ offset: true });

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
  const { state, cursor, created_before, created_after } = query;
  const before = created_before === undefined ? "job_~" : idFloor("job", Date.parse(created_before));
  return {
    before: cursor !== undefined && cursor < before ? cursor : before,
    from: created_after === undefined ? "" : idFloor("job", Date.parse(created_after)),
    state: state === "scheduled" ? "queued" : (state ?? null),
    later: state === "scheduled" ? 1 : state === "queued" ? 0 : null,
    kind: query.kind ?? null,
    account_id: query.account_id ?? null,
    batch_id: query.batch_id ?? null,
  };
}

/** What one database has, and the id it looked down to if there may be more below. */
type Part = { rows: JobRow[]; floor: string | null };

async function listOn(
  app: App,
  name: string,
  clientId: string,
  filter: JobFilter,
  accountIds: readonly string[] | null,
  limit: number,
): Promise<Part> {
  const db = shard(app.databases, name);
  if (!db) return { rows: [], floor: null };
  const scope = { kinds: filter.kind === null ? app.kinds.listed : app.kinds.names, accounts: accountIds };
  const rows = await all<JobRow>(jobs.list(db, clientId, filter, scope, app.clock.now(), limit + 1));
  if (rows.length > limit) return { rows, floor: null };
  const floor = await first<{ id: string }>(jobs.listFloor(db, clientId, filter));
  return { rows, floor: floor?.id ?? null };
}

/** Merge the databases' parts: nothing below the highest floor is shown, for another database has not looked there yet. */
export function merge(parts: Part[], limit: number): { rows: JobRow[]; next_cursor: string | null } {
  const floor =
    parts
      .map((part) => part.floor ?? "")
      .sort()
      .at(-1) ?? "";
  const sorted = parts
    .flatMap((part) => part.rows)
    .filter(({ id }) => id >= floor)
    .sort((a, b) => (a.id < b.id ? 1 : -1));
  const rows = sorted.slice(0, limit);
  if (sorted.length > limit) return { rows, next_cursor: rows.at(-1)?.id ?? null };
  return { rows, next_cursor: floor === "" ? null : floor };
}
