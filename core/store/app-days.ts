import { DAY_MS } from "#core/lib/clock";
import { LATE, MARGIN_MS, OVER, QUANTUM } from "./allowances.ts";
import { NOW, rowsIn } from "./sql.ts";

/**
 * What X's headers said of an app's 24 hours to a running job: its calls of an `endpoint`, by all its users. `held` is what the
 * job's lane may still use of what it took.
 */
export type AppReading = {
  client_id: string;
  job_id: string;
  lease: string;
  endpoint: string;
  allowed: number;
  used: number;
  resets_in_ms: number;
  held: number;
};

const COLUMNS = [
  "client_id",
  "job_id",
  "lease",
  "endpoint",
  "allowed",
  "used",
  "resets_in_ms",
  "held",
] as const satisfies (keyof AppReading)[];

const RESETS_AT = `${NOW} + max(r.resets_in_ms)`;

/** While much is left, X's count is worth a write a quantum. */
const COUNTED = `excluded.seen >= allowances.seen + iif(excluded."limit" - excluded.seen < ${QUANTUM}, 1, ${QUANTUM})`;

/**
 * X knows better than what is configured and what we have counted: an app may be used by others, too. Comes before the jobs' endings
 * and what is given back with them; writes only what is news.
 */
export const learn = (
  db: D1Database,
  now: number | null,
  readings: AppReading[],
  leaseMs: number,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO allowances (name, "limit", used, seen, since, late_from, resets_at)
       SELECT 'app:' || lanes.app_id || ':' || r.endpoint, min(r.allowed), max(r.used + r.held), max(r.used),
              ${RESETS_AT} - ${DAY_MS}, ${RESETS_AT} - ?3, ${RESETS_AT} + ${MARGIN_MS}
         FROM ${rowsIn("?2", COLUMNS, readings.length)} AS r
         JOIN jobs ON jobs.client_id = r.client_id AND jobs.id = r.job_id AND jobs.lease = r.lease
         JOIN lanes ON lanes.lane = jobs.lane
        GROUP BY 1 HAVING true
           ON CONFLICT (name) DO UPDATE
          SET "limit" = excluded."limit", used = max(iif(${OVER}, ${LATE}, allowances.used), excluded.used),
              seen = iif(${OVER}, excluded.seen, max(allowances.seen, excluded.seen)),
              since = iif(${OVER}, excluded.since, allowances.since), late = iif(${OVER}, 0, allowances.late),
              late_from = excluded.late_from, resets_at = excluded.resets_at
        WHERE allowances."limit" IS NOT excluded."limit" OR allowances.used < excluded.used OR ${COUNTED}
           OR abs(allowances.resets_at - excluded.resets_at) > ${MARGIN_MS}`,
    )
    .bind(now, JSON.stringify(readings), leaseMs);
