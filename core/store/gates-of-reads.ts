import { ON_HEARD, PROBE_MS } from "./breaker.ts";
import { ON_CLOSE } from "./gates.ts";
import { BREAKS_AT, NOW } from "./sql.ts";

// The same gates for those who ask X at once and wait for it: no job, no lane and no lease stands behind a read.

/** A gate that is closed, or that had faults lately. `waits_ms`: until it opens. */
export type Standing = { name: string; reason: string; waits_ms: number; faults: number; broken: 0 | 1 };

/** What there is to know of some gates before a read. One that is open and without faults says nothing. */
export const standing = (db: D1Database, now: number | null, names: readonly string[]): D1PreparedStatement =>
  db
    .prepare(
      `SELECT gates.name, reason, max(open_at - ${NOW}, 0) AS waits_ms, faults, faults >= ${BREAKS_AT} AS broken
         FROM json_each(?2) AS m JOIN gates ON gates.name = m.value
        WHERE open_at > ${NOW} OR faults > 0`,
    )
    .bind(now, JSON.stringify(names));

/** What X's answer to a read closes. `opens_in_ms` null: 30 s, doubling to 15 min while it keeps happening. */
export type Shutting = {
  name: string;
  reason: string;
  opens_in_ms: number | null;
  limit: number | null;
  remaining: number | null;
  /** When its time is over, one tries before all go on. */
  tried: boolean;
};

/** Close a gate. */
export const shut = (db: D1Database, now: number | null, gate: Shutting): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO gates (name, open_at, reason, failures, faults, "limit", remaining, resets_at, updated_at)
       VALUES (?2, ${NOW} + coalesce(?4, 30000), ?3, ?4 IS NULL, ?7, ?5, ?6, ${NOW} + ?4, ${NOW})
           ${ON_CLOSE}`,
    )
    .bind(
      now,
      gate.name,
      gate.reason,
      gate.opens_in_ms,
      gate.limit,
      gate.remaining,
      gate.tried ? BREAKS_AT : 0,
    );

/** Count a fault (1) or an answer (-1) of a part of X. `by`: who was let through while it was broken. */
export const hear = (
  db: D1Database,
  now: number | null,
  name: string,
  faults: 1 | -1,
  by: string,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO gates (name, open_at, reason, faults, probe, updated_at)
       SELECT ?2, 0, 'x_unavailable', ?3, ?4, ${NOW}
        WHERE ?3 > 0 OR EXISTS (SELECT 1 FROM gates AS g WHERE g.name = ?2)
           ${ON_HEARD}`,
    )
    .bind(now, name, faults, by);

/** Be the one that tries a part of X whose time of being left alone is over. Returns a row for one asker alone. */
export const tryBroken = (
  db: D1Database,
  now: number | null,
  name: string,
  by: string,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE gates SET probe = ?3, open_at = ${NOW} + ${PROBE_MS}
        WHERE name = ?2 AND faults >= ${BREAKS_AT} AND open_at <= ${NOW} RETURNING name`,
    )
    .bind(now, name, by);
