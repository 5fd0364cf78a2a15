import { z } from "zod";
import { showAccount } from "#core/accounts/view";
import { wake, type Wake } from "#core/jobs/wake";
import { isId } from "#core/lib/ids";
import * as accounts from "#core/store/accounts";
import * as gates from "#core/store/gates";
import { accountSchema, findAccount } from "./accounts.ts";
import { audit } from "./audit.ts";
import { defineRoute } from "./route.ts";

const WAKE_LIMIT_MS = 2_000;
const accountId = z.strictObject({ id: z.string().refine((text) => isId("acc", text)) });
const answers = { 200: { description: "The account as it is now.", schema: accountSchema } };

/** POST /v1/accounts/{id}/pause: its jobs wait from now on, whatever else becomes of the account; what is under way ends. */
export const pauseAccount = defineRoute({
  method: "POST",
  path: "/v1/accounts/{id}/pause",
  summary: "Let an account's jobs wait until it is resumed",
  scope: "accounts:write",
  params: accountId,
  answers,
  async handle({ app, caller, params }) {
    const { db, row } = await findAccount(app, caller, params.id);
    const now = app.clock.now();
    const change = { client_id: row.client_id, action: "account.paused" as const, subject: row.id };
    await db.batch([
      accounts.setPaused(db, row.id, now, now),
      audit(db, caller, change, now),
      gates.pause(db, app.clock.stored(), row.id),
    ]);
    return Response.json(showAccount((await findAccount(app, caller, params.id)).row));
  },
});

/** POST /v1/accounts/{id}/resume: its jobs go on, unless something else holds them. */
export const resumeAccount = defineRoute({
  method: "POST",
  path: "/v1/accounts/{id}/resume",
  summary: "Let a paused account's jobs go on",
  scope: "accounts:write",
  params: accountId,
  answers,
  async handle({ app, caller, params }) {
    const { db, row } = await findAccount(app, caller, params.id);
    const now = app.clock.now();
    const change = { client_id: row.client_id, action: "account.resumed" as const, subject: row.id };
    const lanes = app.kinds.laneNames.map((name) => `${name}:${row.id}`);
    const results = await db.batch([
      accounts.setPaused(db, row.id, null, now),
      audit(db, caller, change, now),
      gates.resume(db, row.id),
      accounts.wakeLanes(db, app.clock.stored(), row.id, lanes),
    ]);
    app.later(wake(app, results.at(-1)?.results as Wake[], WAKE_LIMIT_MS));
    return Response.json(showAccount((await findAccount(app, caller, params.id)).row));
  },
});
