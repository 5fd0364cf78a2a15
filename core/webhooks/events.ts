import { newId } from "#core/lib/ids";
import * as events from "#core/store/events";

/** What can have happened. The data of each is what the API shows of the thing it is about. */
export type EventType = "account.connected" | "account.reconnect_required" | "account.disconnected";

export type Event = { client_id: string; type: EventType; account_id: string; data: object };

/**
 * The event of a change: a statement that goes into the batch directly behind the one that makes the change, and writes
 * nothing if that changed nothing. It stands on the database of the account. `now` in epoch ms.
 */
export const event = (db: D1Database, { client_id, type, account_id, data }: Event, now: number) =>
  events.insert(db, {
    client_id,
    id: newId("evt", account_id.slice(-1), now),
    type,
    account_id,
    data: JSON.stringify(data),
    created_at: now,
  });
