import { idFloor } from "#core/lib/ids";
import type { JobRow } from "./jobs.ts";
import type { BoundRow } from "./media-bindings.ts";
import type { UploadRow } from "./uploads.ts";
import { rowsIn } from "./sql.ts";

/** A row of `events`: something a client may want to be told. `data` is JSON text. */
export type EventRow = {
  client_id: string;
  id: string;
  type: string;
  account_id: string | null;
  /** What it is about; of a job, `data` is its row as it was then. */
  subject: string | null;
  data: string;
  created_at: number;
  /** The time in its id, epoch ms: later than that of the client's event before. */
  tick: number;
};

/** What is kept of an upload that is told of. */
export type ToldUpload = Pick<
  UploadRow,
  | "id"
  | "account_id"
  | "state"
  | "size_bytes"
  | "bytes_received"
  | "media_type"
  | "media_category"
  | "error"
  | "created_at"
  | "expires_at"
  | "cleared_at"
>;

/**
 * The `data` of an event of a medium, as it was then: for `account_id`, of whose job `bound` tells; null: none has sent it yet.
 * `upload` is null where it stands on another database than the account.
 */
export type MediaEvent = {
  media_id: string;
  account_id: string;
  upload: ToldUpload | null;
  bound: (BoundRow & Pick<JobRow, "created_at">) | null;
};

export type NewEvent = Omit<EventRow, "id" | "tick"> & { subject: string };

const DIGITS = "'0123456789ABCDEFGHJKMNPQRSTVWXYZ'";
/** `tick` as the 10 characters of an id. The same stands in the trigger `jobs_tell_end`. */
const TICK_TEXT = Array.from(
  { length: 10 },
  (_, index) => `substr(${DIGITS}, (tick >> ${45 - 5 * index} & 31) + 1, 1)`,
).join(" || ");

/**
 * Write an event of the change that the statement before it made: in one batch with it, directly behind. If nothing was
 * changed there, nothing happened, and none is written.
 */
export const insert = (db: D1Database, event: NewEvent): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO events (client_id, id, type, account_id, subject, data, created_at, tick)
       SELECT ?1, 'evt_' || ${TICK_TEXT} || hex(randomblob(6)) || substr(?4, -1), ?2, ?3, ?4, ?5, ?6, tick
         FROM (SELECT max(?6, coalesce((SELECT last.tick + 1 FROM events AS last WHERE last.client_id = ?1
                                         ORDER BY last.id DESC LIMIT 1), 0)) AS tick)
        WHERE changes() > 0 RETURNING id`,
    )
    .bind(event.client_id, event.type, event.account_id, event.subject, event.data, event.created_at);

/** An event with the params of the job that it is about, if that is still there. */
export type TellingRow = EventRow & Pick<JobRow, "params">;

const WITH_PARAMS = `SELECT e.*, coalesce(j.params, '{}') AS params FROM events AS e
  LEFT JOIN jobs AS j ON j.client_id = e.client_id AND j.id = e.subject`;

/** One event of a client. */
export const find = (db: D1Database, clientId: string, id: string): D1PreparedStatement =>
  db.prepare(`${WITH_PARAMS} WHERE e.client_id = ? AND e.id = ?`).bind(clientId, id);

/** Some events, each by its client and id. */
export const findAll = (db: D1Database, some: { client_id: string; id: string }[]): D1PreparedStatement =>
  db
    .prepare(
      `SELECT e.*, coalesce(j.params, '{}') AS params FROM ${rowsIn("?1", ["client_id", "id"], some.length)} AS m
        CROSS JOIN events AS e ON e.client_id = m.client_id AND e.id = m.id
         LEFT JOIN jobs AS j ON j.client_id = e.client_id AND j.id = e.subject`,
    )
    .bind(JSON.stringify(some));

export type EventFilter = { after: string; before: string; type: string; accounts: readonly string[] | null };

/** How many rows a list may look at before it returns a short page. */
export const LIST_EXAMINES = 5000;

/** A client's events between two ids, the oldest first; `type` may be a pattern, `accounts` those a key is limited to. */
export const list = (
  db: D1Database,
  clientId: string,
  { after, before, type, accounts }: EventFilter,
  limit: number,
): D1PreparedStatement =>
  db
    .prepare(
      `${WITH_PARAMS} WHERE e.client_id = ?1 AND e.id > ?2 AND e.id < ?3
          AND e.id <= coalesce((SELECT id FROM events WHERE client_id = ?1 AND id > ?2 ORDER BY id
                                 LIMIT 1 OFFSET ${LIST_EXAMINES - 1}), '~')
          AND e.type GLOB ?4
          AND (?5 IS NULL OR e.account_id IN (SELECT value FROM json_each(?5)))
        ORDER BY e.id LIMIT ?6`,
    )
    .bind(clientId, after, before, type, accounts === null ? null : JSON.stringify(accounts), limit);

/** The last id that `list` looked at, if it stopped for having looked at enough. */
export const listCeiling = (db: D1Database, clientId: string, after: string): D1PreparedStatement =>
  db
    .prepare(
      `SELECT id FROM events WHERE client_id = ? AND id > ? ORDER BY id LIMIT 1 OFFSET ${LIST_EXAMINES - 1}`,
    )
    .bind(clientId, after);

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

/** The id that an event made at `ms` has at least. */
export const floorAt = (ms: number): string => idFloor("evt", ms);

/** A client's newest event. */
export const newest = (db: D1Database, clientId: string): D1PreparedStatement =>
  db.prepare("SELECT id FROM events WHERE client_id = ? ORDER BY id DESC LIMIT 1").bind(clientId);
