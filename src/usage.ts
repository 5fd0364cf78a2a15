import { z } from "zod";
import { DAY_MS } from "#core/lib/clock";
import { isId } from "#core/lib/ids";
import { Problem } from "#core/lib/problem";
import * as usage from "#core/store/usage";
import type { UsageRow } from "#core/store/usage";
import { clientOf, mayUse } from "./auth.ts";
import { everywhere, pageOf } from "./lists.ts";
import { defineRoute } from "./route.ts";

/** Shown when no `from` is given: this many days up to `to`. */
const DAYS = 30;

const usageSchema = z.strictObject({
  day: z.iso.date(),
  account_id: z.string(),
  succeeded: z.int(),
  failed: z.int(),
  dead: z.int(),
  reads: z
    .int()
    .describe(
      "What X returned, and billed: to those who read, and to look for tweets whose fate was unclear.",
    ),
  cost_micro_usd: z.int(),
});

const cursor = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}:acc_[0-9A-Za-z]{23}$/, "Not a cursor of this list")
  .transform((text) => ({ day: Date.parse(text.slice(0, 10)), account_id: text.slice(11) }));

/** GET /v1/usage: what a client's accounts did and cost, by day and account, over all databases. */
export const listUsage = defineRoute({
  method: "GET",
  path: "/v1/usage",
  summary: "List what was done and what it cost, by day (UTC) and account",
  scope: "jobs:read",
  query: z.strictObject({
    from: z.iso.date().optional(),
    to: z.iso.date().optional().describe("This day included. Default: today."),
    account_id: z
      .string()
      .refine((text) => isId("acc", text), "Not an account id (acc_…)")
      .optional(),
    limit: z.coerce.number().int().min(1).max(100).default(100),
    cursor: cursor.optional(),
  }),
  answers: { 200: { description: "A page of days, the earliest first.", schema: pageOf(usageSchema) } },
  async handle({ app, caller, query }) {
    const { account_id, limit, cursor: after = { day: 0, account_id: "" } } = query;
    if (account_id !== undefined && !mayUse(caller, account_id))
      throw new Problem("insufficient_scope", { detail: "This key does not reach that account" });
    const to = query.to === undefined ? app.clock.now() : Date.parse(query.to);
    const from = query.from === undefined ? to - DAYS * DAY_MS : Date.parse(query.from);
    const accounts = account_id === undefined ? caller.account_ids : [account_id];
    const parts = await everywhere<UsageRow>(app, (db) =>
      usage.list(db, clientOf(caller), { from, to }, after, accounts, limit + 1),
    );
    const rows = parts.flat().sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    const page = rows.slice(0, limit);
    const last = rows.length > limit ? page.at(-1) : undefined;
    return Response.json({
      data: page.map(showUsage),
      has_more: last !== undefined,
      next_cursor: last === undefined ? null : keyOf(last),
    });
  },
});

const dateOf = (day: number): string => new Date(day).toISOString().slice(0, 10);

/** Sorts by day and account, and is a cursor. */
const keyOf = ({ day, account_id }: UsageRow): string => `${dateOf(day)}:${account_id}`;

const showUsage = ({ client_id: _, day, cost, ...counts }: UsageRow): z.output<typeof usageSchema> => ({
  day: dateOf(day),
  ...counts,
  cost_micro_usd: cost,
});
