import type { JobRow } from "./jobs.ts";
import { IS_TOLD } from "./receivers.ts";
import { namesIn, NOW } from "./sql.ts";

// Deliveries are jobs of the kind `webhook.deliver`. They are made by the trigger `events_deliver`; their ids begin like
// their event's, and the names of their lanes like their client's.

const KIND = "webhook.deliver";

/** The ids of an event's deliveries begin so. */
const stem = (event: string): string => `'job_' || substr(${event}, 5, 17)`;

/** A lane with something to do, since when (epoch ms), or in how long. */
export type DueLane = { lane: string; next_at: number; wait_ms?: number };

/** The lanes of these clients' deliveries that have something to do, and neither a holder nor somebody who wakes them. */
export const due = (db: D1Database, now: number | null, clientIds: string[]): D1PreparedStatement =>
  db
    .prepare(
      `SELECT lanes.lane, next_at FROM ${namesIn("?2", clientIds.length)} AS c
         JOIN lanes ON lanes.lane >= 'webhook:' || c.lane || ':' AND lanes.lane < 'webhook:' || c.lane || ';'
        WHERE next_at <= ${NOW} AND (lease IS NULL OR leased_until <= ${NOW}) AND ${IS_TOLD}`,
    )
    .bind(now, JSON.stringify(clientIds));

/** Let an endpoint's lanes be looked at now, for its gate has opened. */
export const hurry = (db: D1Database, now: number | null, gate: string): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE lanes SET next_at = ${NOW}
        WHERE lane >= ?2 || '/' AND lane < ?2 || '0' AND next_at > ${NOW} RETURNING lane, next_at`,
    )
    .bind(now, gate);

/** The lanes that an endpoint has. */
export const lanesOf = (db: D1Database, gate: string): D1PreparedStatement =>
  db.prepare("SELECT lane FROM lanes WHERE lane >= ?1 || '/' AND lane < ?1 || '0'").bind(gate);

/** The deliveries of an event, in the order of their ids. */
export const ofEvent = (db: D1Database, clientId: string, eventId: string): D1PreparedStatement =>
  db
    .prepare(
      `SELECT * FROM jobs WHERE client_id = ?1 AND id >= ${stem("?2")} AND id < ${stem("?2")} || '~' AND kind = '${KIND}'
        ORDER BY id LIMIT 1000`,
    )
    .bind(clientId, eventId);

/** How many rows a list may look at before it returns a short page. */
const LIST_EXAMINES = 5000;

/** An endpoint's deliveries below an id, the newest first. Looks at a bounded number of the client's jobs. */
export const ofEndpoint = (
  db: D1Database,
  clientId: string,
  endpointId: string,
  before: string,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT * FROM (SELECT * FROM jobs WHERE client_id = ?1 AND id < ?3 ORDER BY id DESC LIMIT ${LIST_EXAMINES})
        WHERE kind = '${KIND}' AND params ->> 'endpoint_id' = ?2 LIMIT ?4`,
    )
    .bind(clientId, endpointId, before, limit);

/** The last id that `ofEndpoint` looked at, if it stopped for having looked at enough. */
export const floorOf = (db: D1Database, clientId: string, before: string): D1PreparedStatement =>
  db
    .prepare(
      `SELECT id FROM jobs WHERE client_id = ? AND id < ? ORDER BY id DESC LIMIT 1 OFFSET ${LIST_EXAMINES - 1}`,
    )
    .bind(clientId, before);

/** What is sent once more: `from` and `to` bound the events' ids, both included; null of `endpoint_id` is all that want them. */
export type Resending = {
  client_id: string;
  from: string;
  to: string;
  endpoint_id: string | null;
  /** Also what the endpoint has had, and what its filter leaves out. */
  even_if: "had" | "not had";
};

const LANE = `'webhook:' || v.client_id || ':' || target.name || '/'
  || ((unicode(substr(v.subject, -2, 1)) + 7 * unicode(substr(v.subject, -3, 1))) % 16) || ':' || substr(v.id, -1)`;

const WANTS = `EXISTS (SELECT 1 FROM json_each(e.events) AS p WHERE v.type GLOB p.value)
  AND (e.account_ids IS NULL OR EXISTS (SELECT 1 FROM json_each(e.account_ids) AS a WHERE a.value = v.account_id))`;

/**
 * Send events once more: a new delivery of each to each endpoint that wants it, or to the one that is named, unless one is
 * under way already; and, where it is not needed, unless it got through before. Returns the lanes. May not be repeated.
 */
export const resend = (
  db: D1Database,
  now: number | null,
  { client_id, from, to, endpoint_id, even_if }: Resending,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO jobs (client_id, id, kind, account_id, lane, ordered, state, open, due_at, expires_at, max_attempts, params,
                         created_at)
       SELECT v.client_id, ${stem("v.id")} || substr(hex(randomblob(3)), 1, 5) || substr(v.id, -1), '${KIND}',
              coalesce(v.account_id, ''), ${LANE}, 0, 'queued', 1, ${NOW}, ${NOW} + 604800000, 8,
              json_object('account_id', coalesce(v.account_id, ''), 'event_id', v.id, 'endpoint_id', target.endpoint_id,
                          'callback_url', target.url), ${NOW}
         FROM (SELECT v.id AS event_id, e.id AS name, e.id AS endpoint_id, NULL AS url
                 FROM events AS v JOIN endpoints AS e ON e.client_id = v.client_id
                WHERE v.client_id = ?2 AND v.id BETWEEN ?3 AND ?4 AND e.state = 'enabled' AND e.url IS NOT NULL
                  AND iif(?5 IS NULL, ${WANTS}, e.id = ?5 AND (?6 OR ${WANTS}))
               UNION ALL
               SELECT v.id, substr(j.callback_url, instr(j.callback_url, '//') + 2,
                                   instr(substr(j.callback_url, instr(j.callback_url, '//') + 2) || '/', '/') - 1),
                      NULL, j.callback_url
                 FROM events AS v JOIN jobs AS j ON j.client_id = v.client_id AND j.id = v.subject
                WHERE v.client_id = ?2 AND v.id BETWEEN ?3 AND ?4 AND ?5 IS NULL AND j.callback_url IS NOT NULL) AS target
         JOIN events AS v ON v.client_id = ?2 AND v.id = target.event_id
        WHERE NOT EXISTS (
          SELECT 1 FROM jobs AS d
           WHERE d.client_id = ?2 AND d.id >= ${stem("v.id")} AND d.id < ${stem("v.id")} || '~' AND d.kind = '${KIND}'
             AND coalesce(d.params ->> 'endpoint_id', d.params ->> 'callback_url') = coalesce(target.endpoint_id, target.url)
             AND (d.finished_at IS NULL OR d.state = 'succeeded' AND NOT ?6))
        LIMIT ?7 RETURNING lane`,
    )
    .bind(now, client_id, from, to, endpoint_id, even_if === "had" ? 1 : 0, limit);

/** The endpoint or callback URL of a delivery, and its event. */
export type DeliveryParams = {
  account_id: string;
  event_id: string;
  endpoint_id: string | null;
  callback_url: string | null;
};

export const paramsOf = (delivery: Pick<JobRow, "params">): DeliveryParams =>
  JSON.parse(delivery.params) as DeliveryParams;
