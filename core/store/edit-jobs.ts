import { fromStates } from "#core/lib/lifecycle";
import type { JobRow } from "./jobs.ts";
import { NOW } from "./sql.ts";

/** A change of a job, as it was read. null, and for `metadata` undefined: as it is. Times in epoch ms. */
export type JobEdit = Pick<JobRow, "client_id" | "id" | "sequence"> & {
  params: string | null;
  run_at: number | null;
  expires_at: number | null;
  expires_after_ms: number | null;
  max_attempts: number | null;
  metadata: string | null | undefined;
  /** What other params are thought to cost, in micro-USD. */
  cost: number | null;
};

/** A change of a job that stopped short: of what it has yet to do. */
export type Amendment = Omit<JobEdit, "run_at" | "expires_at" | "expires_after_ms" | "max_attempts">;

/** When it is due then. */
const DUE = `iif(?6 IS NULL, due_at, max(?6, ${NOW}))`;

/**
 * Change a job that has not been sent, if it is still as it was read: what a claim took is sent as the claim found it. The time
 * until which it may be sent moves with its due time, unless it is named. Returns its id, or nothing.
 */
export const edit = (db: D1Database, now: number | null, change: JobEdit): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET params = coalesce(?5, params), warnings = iif(?5 IS NULL, warnings, NULL),
                       run_at = coalesce(?6, run_at), due_at = ${DUE},
                       expires_at = coalesce(?7, ${DUE} + ?8, expires_at + ${DUE} - due_at),
                       max_attempts = coalesce(?9, max_attempts), metadata = iif(?10, ?11, metadata),
                       cost_estimated = coalesce(cost_actual + ?12, cost_estimated), sequence = sequence + 1
        WHERE client_id = ?2 AND id = ?3 AND sequence = ?4 AND state IN (${fromStates("cancel")})
          AND (?5 IS NULL OR checkpoint IS NULL)
       RETURNING id`,
    )
    .bind(
      now,
      change.client_id,
      change.id,
      change.sequence,
      change.params,
      change.run_at,
      change.expires_at,
      change.expires_after_ms,
      change.max_attempts,
      change.metadata === undefined ? 0 : 1,
      change.metadata ?? null,
      change.cost,
    );

/**
 * Change what a job has yet to do that failed or died, if it is still as it was read, and X surely has nothing of what is changed. It
 * stays as it ended until it is redriven. Returns its id, or nothing.
 */
export const amend = (db: D1Database, change: Amendment): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET params = coalesce(?4, params), warnings = iif(?4 IS NULL, warnings, NULL),
                       metadata = iif(?5, ?6, metadata), cost_estimated = coalesce(cost_actual + ?7, cost_estimated),
                       sequence = sequence + 1
        WHERE client_id = ?1 AND id = ?2 AND sequence = ?3 AND state IN (${fromStates("redrive")}) AND maybe_sent = 0
       RETURNING id`,
    )
    .bind(
      change.client_id,
      change.id,
      change.sequence,
      change.params,
      change.metadata === undefined ? 0 : 1,
      change.metadata ?? null,
      change.cost,
    );
