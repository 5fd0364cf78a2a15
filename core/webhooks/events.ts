import * as events from "#core/store/events";

/** What can have happened, and when. The data of each is what the API shows of the thing that it happened to. */
export const eventTypes = {
  "job.succeeded": "A job was done.",
  "job.failed": "X said no, or the job was not sent before its `expires_at`.",
  "job.dead": "Every attempt failed: it can be retried.",
  "job.canceled": "A job was canceled.",
  "job.unknown": "Nobody could find out whether X did it: a person must look, and resolve it.",
  "batch.completed": "Every job of a batch has ended, or is unknown and parked.",
  "media.ready": "X has a medium: a tweet can carry it.",
  "media.failed": "A medium was refused, by us or by X, or could not be sent.",
  "account.connected": "An account was connected, or connected again.",
  "account.reconnect_required": "X does not accept an account's grant any more: its user must connect again.",
  "account.disconnected": "An account was disconnected.",
  "endpoint.failing": "Nothing has got through to an endpoint for a day.",
  "endpoint.disabled":
    "An endpoint is not tried any more: it said 410, or nothing got through for five days.",
  "endpoint.test": "You asked for it, to see whether an endpoint works.",
} as const;

export type EventType = keyof typeof eventTypes;

/** `subject`: the id of what it happened to, if that is not the account. */
export type Event = {
  client_id: string;
  type: EventType;
  account_id: string | null;
  subject?: string;
  data: object;
};

/**
 * The event of a change: a statement that goes into the batch directly behind the one that makes the change, and writes
 * nothing if that changed nothing. It stands on the database of its subject. `now` in epoch ms. What jobs, batches and
 * media come to is told by the database itself (migrations/0014_webhooks.sql), and so are the deliveries of every event.
 */
export const event = (db: D1Database, { client_id, type, account_id, subject, data }: Event, now: number) =>
  events.insert(db, {
    client_id,
    type,
    account_id,
    subject: subject ?? account_id ?? client_id,
    data: JSON.stringify(data),
    created_at: now,
  });
