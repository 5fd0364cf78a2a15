import { NOW, rowsIn } from "./sql.ts";

/** A medium that jobs of an account may have given up their place for. */
export type Awaited = { account_id: string; media_id: string };

/** Nobody is at it any more: no job sends it, and its bytes are not on their way. */
const SETTLED = `NOT EXISTS (SELECT 1 FROM media_bindings AS b
    JOIN jobs AS u ON u.client_id = b.client_id AND u.id = b.job_id AND u.open = 1
   WHERE b.account_id = m.account_id AND b.media_id = m.media_id)
  AND NOT EXISTS (SELECT 1 FROM uploads AS r
   WHERE r.client_id = w.client_id AND r.id = m.media_id AND r.state = 'receiving' AND r.expires_at > ${NOW})`;

const pairs = (count: number): string => rowsIn("?2", ["account_id", "media_id"], count);

/** The lanes of the jobs that waited for these media are due. Comes before `resume`. Returns them. */
export const hurry = (db: D1Database, now: number | null, media: Awaited[]): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE lanes SET next_at = ${NOW}
        WHERE lane IN (SELECT w.lane FROM ${pairs(media.length)} AS m
                         JOIN jobs AS w ON w.account_id = m.account_id AND w.awaits = m.media_id AND w.state = 'waiting'
                        WHERE ${SETTLED})
          AND (next_at IS NULL OR next_at > ${NOW})
       RETURNING lane, 0 AS wait_ms`,
    )
    .bind(now, JSON.stringify(media));

/** Put the jobs that waited for these media back, at the end of what is due: nothing is put before a running job. */
export const resume = (db: D1Database, now: number | null, media: Awaited[]): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE jobs SET due_at = ${NOW}, next_attempt_at = NULL, awaits = NULL, sequence = sequence + 1
        WHERE (client_id, id) IN (
          SELECT w.client_id, w.id FROM ${pairs(media.length)} AS m
            JOIN jobs AS w ON w.account_id = m.account_id AND w.awaits = m.media_id AND w.state = 'waiting'
           WHERE ${SETTLED})`,
    )
    .bind(now, JSON.stringify(media));
