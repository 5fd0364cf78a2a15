import { NOW, rowsIn } from "./sql.ts";

/** A row of `events`: something a client may want to be told. `data` is JSON text. */
export type EventRow = {
  client_id: string;
  id: string;
  type: string;
  account_id: string | null;
  data: string;
  created_at: number;
};

/**
 * Write an event of the change that the statement before it made: in one batch with it, directly behind. If nothing was
 * changed there, nothing happened, and none is written.
 */
export const insert = (db: D1Database, event: EventRow): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO events (client_id, id, type, account_id, data, created_at)
       SELECT ?, ?, ?, ?, ?, ? WHERE changes() > 0`,
    )
    .bind(event.client_id, event.id, event.type, event.account_id, event.data, event.created_at);

/** A job that was parked: the id of its event is made by whoever parks it. */
export type ParkedEvent = { client_id: string; job_id: string; event_id: string };

/**
 * Write an event for each of these jobs that is parked. Comes behind what parks them, and may be sent again: an event that is
 * there stays as it is.
 */
export const parked = (db: D1Database, now: number | null, events: ParkedEvent[]): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO events (client_id, id, type, account_id, data, created_at)
       SELECT j.client_id, e.event_id, 'job.unknown', j.account_id,
              json_object('job', json_object('id', j.id, 'kind', j.kind, 'account_id', j.account_id, 'state', j.state,
                                             'sequence', j.sequence)), ${NOW}
         FROM ${rowsIn("?2", ["client_id", "job_id", "event_id"], events.length)} AS e
         JOIN jobs AS j ON j.client_id = e.client_id AND j.id = e.job_id AND j.state = 'unknown' AND j.open IS NULL
        WHERE true
           ON CONFLICT (client_id, id) DO NOTHING`,
    )
    .bind(now, JSON.stringify(events));

/** Delete a bounded number of these clients' events that are older than an id. */
export const prune = (
  db: D1Database,
  clientIds: string[],
  madeBefore: string,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM events WHERE (client_id, id) IN (
         SELECT e.client_id, e.id FROM json_each(?1) AS c
           JOIN events AS e ON e.client_id = c.value AND e.id < ?2
          LIMIT ?3)`,
    )
    .bind(JSON.stringify(clientIds), madeBefore, limit);
