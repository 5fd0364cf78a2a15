import { DAY_MS } from "#core/lib/clock";
import { capName } from "./caps.ts";
import { NOW } from "./sql.ts";
import { TODAY } from "./usage.ts";

// What a read may cost, taken from the caps of its account and client before X is asked: no lane and no lease stands behind it.

/** A cap, as far as its row on the account's database goes: what is left, and whether the client's own database can lend. */
export type Cap = { name: string; rest: number; lent: 0 | 1; resets_at: number };

type Whose = { client_id: string; id: string };

const named = (now: number | null, { client_id, id }: Whose) =>
  [now, capName(id), capName(client_id)] as const;
const OVER = `a.resets_at <= ${NOW}`;
const REST = `(iif(a.lent AND ${OVER}, 0, a."limit") - iif(${OVER}, 0, a.used))`;

/** The caps that hold for an account. */
export const find = (db: D1Database, now: number | null, account: Whose): D1PreparedStatement =>
  db
    .prepare(
      `SELECT name, ${REST} AS rest, lent, iif(${OVER}, ${TODAY} + ${DAY_MS}, resets_at) AS resets_at
         FROM allowances AS a WHERE name IN (?2, ?3)`,
    )
    .bind(...named(now, account));

/** Take so much from all of them, or from none if one of them does not have it. `changes` says of how many. */
export const take = (db: D1Database, now: number | null, account: Whose, cost: number): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE allowances AS a SET used = iif(${OVER}, 0, a.used) + ?4, "limit" = iif(a.lent AND ${OVER}, 0, a."limit"),
              since = iif(${OVER}, ${TODAY}, a.since), resets_at = iif(${OVER}, ${TODAY} + ${DAY_MS}, a.resets_at)
        WHERE name IN (?2, ?3)
          AND NOT EXISTS (SELECT 1 FROM allowances AS b WHERE b.name IN (?2, ?3) AND ${REST.replaceAll("a.", "b.")} < ?4)`,
    )
    .bind(...named(now, account), cost);

/** Give back what a read did not cost of what it took, if it is still the day that it was taken from. */
export const giveBack = (
  db: D1Database,
  { client_id, id }: Whose,
  { amount, resets_at }: { amount: number; resets_at: number },
): D1PreparedStatement =>
  db
    .prepare("UPDATE allowances SET used = max(0, used - ?3) WHERE name IN (?1, ?2) AND resets_at = ?4")
    .bind(capName(id), capName(client_id), amount, resets_at);
