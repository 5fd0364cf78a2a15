import { backoff, LONGEST_BACKOFF_MS } from "./gates.ts";
import { BREAKS_AT, claimable, HALF_OPEN, headOf, namesIn, NOW } from "./sql.ts";

/**
 * What a job heard of a part of X: its faults less its answers. `name` is the part's gate.
 * A gate breaks when its faults come to 10; an answer takes one away, so that one fault in ten never breaks it.
 */
export type Hearing = { name: string; faults: number; client_id: string; job_id: string; lease: string };

/** How long a probe has the way to itself. */
export const PROBE_MS = 30_000;

/** Broken, and this was the probe. `excluded.probe` is the lane of whoever heard it. */
const BROKEN = `gates.faults >= ${BREAKS_AT}`;
const PROBED = `${BROKEN} AND gates.probe IS excluded.probe`;
const BREAKS = `(NOT ${BROKEN} AND gates.faults + excluded.faults >= ${BREAKS_AT} OR ${PROBED} AND excluded.faults > 0)`;
const MENDS = `(${PROBED} AND excluded.faults < 0)`;

/** How often in a row it broke. One that breaks within 15 minutes of its last opening had not recovered. */
const FAILURES = `iif(gates.open_at > ${NOW} - ${LONGEST_BACKOFF_MS}, gates.failures + 1, 1)`;

/** What a hearing does to a gate that is there. `excluded.faults` is what was heard, `excluded.probe` who heard it. */
export const ON_HEARD = `ON CONFLICT (name) DO UPDATE
          SET faults = CASE WHEN ${MENDS} THEN 0 WHEN ${BROKEN} THEN gates.faults
                            ELSE max(0, min(${BREAKS_AT}, gates.faults + excluded.faults)) END,
              failures = iif(${BREAKS}, ${FAILURES}, gates.failures),
              open_at = CASE WHEN ${BREAKS} THEN ${backoff(FAILURES)} WHEN ${MENDS} THEN ${NOW} ELSE gates.open_at END,
              shut_at = iif(${BREAKS}, ${NOW}, gates.shut_at),
              probe = iif(${BROKEN} AND NOT ${BREAKS} AND NOT ${MENDS}, gates.probe, NULL),
              updated_at = excluded.updated_at`;

/**
 * Count what jobs heard of parts of X. While a gate is broken only the probe's word counts: calls that were under way when
 * it broke say nothing new. Comes before the jobs' endings in a commit, like `close`, and so counts once.
 */
export const count = (db: D1Database, now: number | null, hearings: Hearing[]): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO gates (name, open_at, reason, faults, probe, updated_at)
       SELECT h.name, 0, iif(h.name GLOB 'x:*', 'x_unavailable', 'endpoint_failing'), h.faults, jobs.lane, ${NOW}
         FROM (SELECT value ->> 'name' AS name, value ->> 'faults' AS faults, value ->> 'client_id' AS client_id,
                      value ->> 'job_id' AS job_id, value ->> 'lease' AS lease FROM json_each(?2)) AS h
         JOIN jobs ON jobs.client_id = h.client_id AND jobs.id = h.job_id AND jobs.lease = h.lease
        WHERE h.faults > 0 OR EXISTS (SELECT 1 FROM gates AS g WHERE g.name = h.name)
           ${ON_HEARD}`,
    )
    .bind(now, JSON.stringify(hearings));

/**
 * Let one of these leased lanes through a broken gate whose time is over, to see whether X is well again; the others wait for
 * what it hears, or until its time is over too.
 */
export const probe = (
  db: D1Database,
  now: number | null,
  lease: string,
  lanes: string[],
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE gates SET probe = one.lane, open_at = ${NOW} + ${PROBE_MS}
         FROM (SELECT lanes.lane, iif(jobs.state = 'unknown', 'x:reads', lanes.gates ->> 0) AS part, lanes.gates ->> 1 AS app
                 FROM ${namesIn("?3", lanes.length)} AS m JOIN lanes ON lanes.lane = m.lane
                 JOIN jobs ON jobs.client_id = lanes.client_id AND jobs.id = ${headOf("lanes.lane")}
                WHERE lanes.lease = ?2 AND lanes.leased_until > ${NOW} AND ${claimable("jobs")} AND ${HALF_OPEN}
                LIMIT 1) AS one
        WHERE gates.name IN (one.part, one.app) AND gates.faults >= ${BREAKS_AT}`,
    )
    .bind(now, lease, JSON.stringify(lanes));
