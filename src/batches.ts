import { z } from "zod";
import { isId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as batchJobs from "#core/store/batch-jobs";
import type { CountRow } from "#core/store/batch-jobs";
import * as batchParts from "#core/store/batch-parts";
import type { BatchPartRow } from "#core/store/batch-parts";
import * as batches from "#core/store/batches";
import type { BatchRow } from "#core/store/batches";
import { shard } from "#core/store/shard";
import { all, first } from "#core/store/sql";
import type { App } from "./app.ts";
import { clientOf, mayUse, type Caller } from "./auth.ts";
import { batchSchema, batchView, standingOf, type Standing } from "#core/jobs/batch-view";
import { pageFields, pageFrom, pageOf } from "./lists.ts";
import { defineRoute } from "./route.ts";

/** The path parameter of a batch. */
export const batchId = z.strictObject({ id: z.string().refine((text) => isId("bat", text)) });

/** GET /v1/batches/{id}: how its jobs stand. */
export const getBatch = defineRoute({
  method: "GET",
  path: "/v1/batches/{id}",
  summary: "Read a batch: how many of its jobs are in which state",
  scope: "jobs:read",
  params: batchId,
  answers: { 200: { description: "The batch.", schema: batchSchema } },
  async handle({ app, caller, params }) {
    const row = await findBatch(app, caller, params.id);
    return Response.json(await showBatch(app, caller, row), { headers: { etag: etagOf(row) } });
  },
});

/** GET /v1/batches: the newest first, without counts. */
export const listBatches = defineRoute({
  method: "GET",
  path: "/v1/batches",
  summary: "List batches, the newest first",
  scope: "jobs:read",
  query: z.strictObject(pageFields("bat")),
  answers: { 200: { description: "A page of batches.", schema: pageOf(batchSchema) } },
  async handle({ app, caller, query: { limit, cursor = "bat_~" } }) {
    const clientId = clientOf(caller);
    const home = homeOf(app, clientId);
    const rows = await all<BatchRow>(batches.list(home, clientId, cursor, caller.account_ids, limit + 1));
    const { rows: page, ...more } = pageFrom([rows], limit, "newest");
    return Response.json({ data: page.map((row) => batchView(row, null)), ...more });
  },
});

/** A batch of the caller's, with a job of an account that the caller reaches. Another's is not found. */
export async function findBatch(app: App, caller: Caller, id: string): Promise<BatchRow> {
  const row = await first<BatchRow>(batches.find(homeOf(app, clientOf(caller)), clientOf(caller), id));
  const accounts = JSON.parse(row?.account_ids ?? "[]") as string[];
  if (!row || !accounts.some((account) => mayUse(caller, account)))
    throw new Problem("not_found", { detail: "No such batch" });
  return row;
}

/** A batch as it stands now, as far as the caller reaches. */
export async function showBatch(app: App, caller: Caller, row: BatchRow) {
  return batchView(row, await standing(app, caller, row));
}

/** Counted where jobs are open, read where they have all ended: by then some may have been deleted. */
async function standing(app: App, caller: Caller, row: BatchRow): Promise<Standing> {
  const reach = { ...row, accounts: caller.account_ids };
  const counted = await Promise.all(
    databasesOf(app, row).map(async ({ db }) => {
      const part = caller.account_ids ? null : await first<BatchPartRow>(batchParts.find(db, row));
      if (part?.counts != null) return JSON.parse(part.counts) as CountRow[];
      return all<CountRow>(batchJobs.count(db, app.clock.stored(), reach));
    }),
  );
  return standingOf(counted.flat());
}

/** The databases that have jobs of a batch. */
export const databasesOf = (app: App, { shards }: BatchRow): { name: string; db: D1Database }[] =>
  Array.from(shards).map((name) => {
    const db = shard(app.databases, name);
    if (!db) throw new Problem("unavailable");
    return { name, db };
  });

/** A client's own database, on which its batches stand. */
export function homeOf(app: App, clientId: string): D1Database {
  const db = shard(app.databases, clientId);
  if (!db) throw new Problem("unavailable");
  return db;
}

export const etagOf = ({ sequence }: { sequence: number }): string => `"${sequence}"`;
