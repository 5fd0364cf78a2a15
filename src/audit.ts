import { z } from "zod";
import { isId, newId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as entries from "#core/store/audit";
import type { AuditRow } from "#core/store/audit";
import { actorOf, type Caller } from "./auth.ts";
import { everywhere, pageFields, pageFrom, pageOf } from "./lists.ts";
import { findClient } from "./managed-client.ts";
import { defineRoute } from "./route.ts";

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

const entrySchema = z.strictObject({
  id: z.string(),
  at: z.iso.datetime(),
  actor: z.string().describe("The id of a key or session, or `admin`."),
  action: z.string(),
  subject: z.string(),
  detail: z.record(z.string(), z.unknown()),
});

/** GET /v1/audit: a client's changes, the newest first, over all databases. */
export const listAudit = defineRoute({
  method: "GET",
  path: "/v1/audit",
  summary: "List who changed what, the newest first",
  scope: "admin",
  query: z.strictObject({
    client_id: z
      .string()
      .refine((text) => isId("cli", text), "Not a client id (cli_…)")
      .optional(),
    ...pageFields("aud"),
  }),
  answers: { 200: { description: "A page of changes.", schema: pageOf(entrySchema) } },
  async handle({ app, caller, query: { client_id, limit, cursor = "aud_~" } }) {
    const clientId = client_id ?? caller.client_id;
    if (clientId === null)
      throw new Problem("unknown_parameter", {
        errors: [{ pointer: "client_id", code: "required", detail: "The admin key says whose" }],
      });
    await findClient(app, caller, clientId);
    const parts = await everywhere<AuditRow>(app, (db) => entries.list(db, clientId, cursor, limit + 1));
    const { rows, ...more } = pageFrom(parts, limit, "newest");
    return Response.json({ data: rows.map(showEntry), ...more });
  },
});

const showEntry = (row: AuditRow): z.output<typeof entrySchema> => ({
  id: row.id,
  at: new Date(row.created_at).toISOString(),
  actor: row.actor,
  action: row.action,
  subject: row.subject,
  detail: JSON.parse(row.detail) as Record<string, unknown>,
});
