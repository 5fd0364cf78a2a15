import { newId } from "#core/lib/ids";
import * as entries from "#core/store/audit";
import type { Caller } from "./auth.ts";

/** What a caller changed: `action` is `thing.verb`, `subject` the id of the thing. Nothing secret in `detail`. */
export type Change = { client_id: string; action: string; subject: string; detail?: object };

/** The audit row of a change: a statement for the same batch, directly behind the one that makes it. `now` in epoch ms. */
export const audit = (
  db: D1Database,
  caller: Pick<Caller, "key_id">,
  { client_id, action, subject, detail = {} }: Change,
  now: number,
): D1PreparedStatement =>
  entries.insert(db, {
    client_id,
    id: newId("aud", subject.slice(-1), now),
    actor: caller.key_id,
    action,
    subject,
    detail: JSON.stringify(detail),
    created_at: now,
  });
