import { newId } from "#core/lib/ids";
import * as entries from "#core/store/audit";
import { actorOf, type Caller } from "./auth.ts";

/** A change as it is noted. `action` is `noun.verb`; `subject` is the id of what was changed; nothing secret in `detail`. */
export type Change = {
  client_id: string;
  action: `${string}.${string}`;
  subject: string;
  detail?: Record<string, unknown>;
};

/**
 * Who changed what: a statement that goes into the batch directly behind the one that makes the change, and writes nothing
 * if that changed nothing. It stands on the database of the subject. `now` in epoch ms.
 */
export const audit = (db: D1Database, caller: Caller, change: Change, now: number): D1PreparedStatement =>
  entries.insert(db, {
    client_id: change.client_id,
    id: newId("aud", change.subject.slice(-1), now),
    actor: actorOf(caller),
    action: change.action,
    subject: change.subject,
    detail: JSON.stringify({
      ...change.detail,
      // A session is known by its key alone once it has ended.
      ...(caller.session_id !== null && { key_id: caller.key_id }),
    }),
    created_at: now,
  });
