import { PROBE_MS } from "./breaker.ts";
import { LONGEST_BACKOFF_MS } from "./gates.ts";
import { BREAKS_AT, namesIn, nextAt, NOW } from "./sql.ts";

// A receiver of webhooks that is down has up to 16 lanes with something to do, and one of them tries it. Only that one is woken:
// by the commit that shuts the gate, for when it opens. The others are due then too, so whatever becomes of that one, the clock
// finds the next.

const PREFIX = "webhook:";

/** The gate of a delivery's receiver, which the lanes to it share; null: another lane. */
export const receiverOf = (lane: string): string | null =>
  lane.startsWith(PREFIX) ? lane.slice(0, lane.lastIndexOf("/")) : null;

/** Those of some gates that are receivers'. */
export const receiversAmong = (gates: string[]): string[] => [
  ...new Set(gates.filter((gate) => gate.startsWith(PREFIX))),
];

const DOWN = `gates.faults >= ${BREAKS_AT}`;

/** Whether a lane is one of those to a receiver, by the name of its gate; a gate's lanes stand together. */
const leadsTo = (lane: string, gate: string): string =>
  `${lane} >= ${gate} || '/' AND ${lane} < ${gate} || '0'`;

/** Whether no lane to the same receiver that nobody holds has something to do before. `lanes` and `gates` must be in scope. */
const IS_FIRST = `NOT EXISTS (SELECT 1 FROM lanes AS other
  WHERE ${leadsTo("other.lane", "gates.name")} AND (other.next_at, other.lane) < (lanes.next_at, lanes.lane)
    AND (other.lease IS NULL OR other.leased_until <= ${NOW}))`;

/** What a lane to a receiver that is down needs to be woken, besides being the first. Other lanes need nothing. */
const isWokenIf = (condition: string): string => `(lanes.lane NOT GLOB '${PREFIX}*' OR NOT EXISTS (
  SELECT 1 FROM gates WHERE gates.name = lanes.gates ->> 0 AND ${DOWN} AND NOT (${condition} AND ${IS_FIRST})))`;

/** The wake-up of the lane that tries comes within this time, or was lost. */
const OVERDUE_MS = 60_000;

/** Whether the clock wakes a lane: while a receiver is down, once the wake-up for its gate's opening must have been lost. */
export const IS_CLOCKS = isWokenIf(`max(gates.open_at, lanes.next_at) <= ${NOW} - ${OVERDUE_MS}`);

/** Whether a lane that is due is woken by whoever finds it: while a receiver is down, if nothing was due when its gate opened. */
export const IS_TOLD = isWokenIf("gates.open_at < lanes.next_at");

/** Until when a lane waits for its wake-up; null where that is not its holder's to send, for its receiver is down. */
export const WAIT_MS = `iif(lanes.lane GLOB '${PREFIX}*' AND lanes.next_at > ${NOW}
  AND EXISTS (SELECT 1 FROM gates WHERE gates.name = lanes.gates ->> 0 AND ${DOWN}), NULL, lanes.next_at - ${NOW})`;

/** Gates that the hearings of this commit have shut, or opened: `breaker.count` has written both times at once. */
const SHUT_NOW = `${DOWN} AND gates.shut_at = gates.updated_at`;
const OPENED_NOW = `gates.faults = 0 AND gates.open_at = gates.updated_at`;

/** Put off what waits for receivers that were found to be down again, to when their gates open. */
export const putOff = (db: D1Database, now: number | null, receivers: string[]): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE lanes SET next_at = gates.open_at
         FROM ${namesIn("?2", receivers.length)} AS m JOIN gates ON gates.name = m.lane AND ${SHUT_NOW}
        WHERE ${leadsTo("lanes.lane", "m.lane")} AND lanes.lease IS NULL
          AND lanes.next_at < gates.open_at AND gates.open_at > ${NOW}`,
    )
    .bind(now, JSON.stringify(receivers));

/** Let what has come while receivers were tried be looked at now: they are well again. */
export const hurry = (db: D1Database, now: number | null, receivers: string[]): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE lanes SET next_at = ${NOW}
         FROM ${namesIn("?2", receivers.length)} AS m JOIN gates ON gates.name = m.lane AND ${OPENED_NOW}
        WHERE ${leadsTo("lanes.lane", "m.lane")}
          AND lanes.next_at > ${NOW} AND lanes.next_at <= ${NOW} + ${PROBE_MS}`,
    )
    .bind(now, JSON.stringify(receivers));

/**
 * The lanes to wake once hearings are written: of a receiver that is down the one that is to try it, whoever of those that are free
 * or the asker's is due first; of one that is well again all that are due.
 */
export const toWake = (
  db: D1Database,
  now: number | null,
  lease: string,
  receivers: string[],
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT lane, at AS next_at, at - ${NOW} AS wait_ms FROM (
         SELECT lane, min(at) AS at FROM (
           SELECT m.lane AS receiver, lanes.lane, ${nextAt("lanes.served_at")} AS at
             FROM ${namesIn("?3", receivers.length)} AS m JOIN gates ON gates.name = m.lane AND ${SHUT_NOW}
             JOIN lanes ON ${leadsTo("lanes.lane", "m.lane")}
                       AND (lanes.lease IS NULL OR lanes.lease = ?2 OR lanes.leased_until <= ${NOW}))
          WHERE at <= ${NOW} + ${LONGEST_BACKOFF_MS} GROUP BY receiver)
       UNION ALL
       SELECT lanes.lane, lanes.next_at, 0
         FROM ${namesIn("?3", receivers.length)} AS m JOIN gates ON gates.name = m.lane AND ${OPENED_NOW}
         JOIN lanes ON ${leadsTo("lanes.lane", "m.lane")}
        WHERE lanes.next_at <= ${NOW} AND (lanes.lease IS NULL OR lanes.leased_until <= ${NOW})`,
    )
    .bind(now, lease, JSON.stringify(receivers));
